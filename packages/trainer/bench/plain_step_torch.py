"""The peer of plain-step.bench.ts: Hugging Face Qwen3ForCausalLM on PyTorch, float32, forward + backward + AdamW on a CPU.

Needs torch, transformers and safetensors. Reads one JSON request a line and answers each with one JSON line:
{"open": folder, "threads": 2, "ids": [[..]], "targets": [[..]]}   -> {"parameters": n}
{"gradients": file}                                                -> {"loss": x}, gradients by name in a safetensors file
{"steps": n, "mode": "eager" | "compile"}                          -> {"ms": [..]}
"""
import json, sys, time

import torch
from safetensors.torch import save_file
from transformers import Qwen3ForCausalLM


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            torch.set_num_threads(request["threads"])
            model = Qwen3ForCausalLM.from_pretrained(request["open"], dtype=torch.float32, attn_implementation="sdpa").train()
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
            forwards = {"eager": model}
            ids, targets = torch.tensor(request["ids"]), torch.tensor(request["targets"])

            def backward(forward):
                optimizer.zero_grad(set_to_none=True)
                logits = forward(input_ids=ids, use_cache=False).logits
                loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
                loss.backward()
                return loss

            answer = {"parameters": sum(each.numel() for each in model.parameters())}
        elif "gradients" in request:
            loss = backward(model).item()
            save_file({name: each.grad for name, each in model.named_parameters()}, request["gradients"])
            answer = {"loss": loss}
        else:
            mode, times = request["mode"], []
            if mode not in forwards:
                forwards[mode] = torch.compile(model)
            for _ in range(request["steps"]):
                began = time.perf_counter()
                backward(forwards[mode])
                optimizer.step()
                times.append((time.perf_counter() - began) * 1e3)
            answer = {"ms": times}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
