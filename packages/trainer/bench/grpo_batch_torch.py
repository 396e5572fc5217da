"""The batch of grpo-batch.bench.ts in PyTorch: Hugging Face Qwen3ForCausalLM, padded, forward + backward + AdamW on a CPU.

usage: python grpo_batch_torch.py [--sizes A,B] [--modes eager,compile] [--threads 2] [--seconds 20]
Prints one JSON line a figure. Needs torch and transformers. 64 sequences in micro-batches of 8, prompts of 256 tokens before
completions of 32 to 128, the loss of grpo at ratio 1 on the tokens of completions alone.
"""
import argparse, json, os, statistics, time

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

SIZES = {  # vocabulary, width, layers, heads, key/value heads, feed-forward width
    "A": (64, 128, 4, 4, 2, 384),
    "B": (512, 256, 4, 4, 2, 768),
    "C": (4096, 512, 6, 8, 4, 1536),
}


def run(size, mode, seconds):
    vocabulary, width, layers, heads, kv_heads, feed_forward = SIZES[size]
    torch.manual_seed(0)
    config = Qwen3Config(vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                         num_key_value_heads=kv_heads, head_dim=width // heads, intermediate_size=feed_forward,
                         max_position_embeddings=512, tie_word_embeddings=True, use_cache=False)
    config._attn_implementation = "sdpa"
    model = Qwen3ForCausalLM(config).float().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    forward = torch.compile(model) if mode == "compile" else model
    lengths = [256 + int(torch.randint(32, 129, ())) for _ in range(64)]
    longest = max(lengths)
    ids = torch.randint(0, vocabulary, (64, longest))
    positions = torch.arange(longest)
    mask = (positions[None] < torch.tensor(lengths)[:, None]).long()
    learned = (mask[:, 1:] * (positions[None, 1:] >= 256)).float()
    advantages = torch.tensor([1.0, -1.0]).repeat(32)
    share = learned / learned.sum(1, keepdim=True) / 64

    def step():
        optimizer.zero_grad(set_to_none=True)
        for start in range(0, 64, 8):
            part = slice(start, start + 8)
            logits = forward(input_ids=ids[part], attention_mask=mask[part]).logits[:, :-1]
            log_probs = torch.log_softmax(logits, -1).gather(-1, ids[part, 1:, None])[..., 0]
            ratio = torch.exp(log_probs - log_probs.detach())
            (-(ratio * advantages[part, None]) * share[part]).sum().backward()
        optimizer.step()

    for _ in range(2):
        step()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        began = time.perf_counter()
        step()
        times.append((time.perf_counter() - began) * 1e3)
    print(json.dumps({"bench": f"grpo batch {size}: hf {mode}, padded", "value": round(statistics.median(times), 1),
                      "unit": "ms/step", "n": len(times), "load": round(os.getloadavg()[0], 2)}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="A,B")
    parser.add_argument("--modes", default="eager,compile")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for mode in arguments.modes.split(","):
        for size in arguments.sizes.split(","):
            run(size, mode, arguments.seconds)
