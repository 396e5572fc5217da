"""Goldens of what transformers, safetensors and PEFT write, and a check that they open what Forge writes.

    python interchange.py make            writes interchange.json and the folders below peft/
    python interchange.py check <folder>  opens the folders that ../fixtures/write-folders.ts wrote there

Made with torch 2.9.0, transformers 5.23.0, safetensors 0.8.0, peft 0.21.2.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
MODELS = ["qwen3_tied", "qwen3_untied", "qwen2", "llama", "llama3_rope", "qwen3_tied_bf16", "qwen3_untied_sharded"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
ADAPTERS = {
    "qwen3_tied": dict(r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    "qwen2": dict(r=3, lora_alpha=6, target_modules="all-linear", use_rslora=True),
    "llama": dict(r=4, target_modules=["o_proj", "gate_proj", "up_proj", "down_proj"]),
}


def open_model(folder, dtype=torch.float32):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def log_probs(model, batch):
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
    scored = torch.log_softmax(logits[:, :-1], -1).gather(-1, batch["input_ids"][:, 1:, None])[..., 0]
    return scored * batch["attention_mask"][:, 1:]


def make():
    torch.set_num_threads(1)
    saved = {}
    for name in MODELS:
        for dtype_name, dtype in DTYPES.items():
            with tempfile.TemporaryDirectory() as folder:
                open_model(HERE / name, dtype).save_pretrained(folder)
                digest = hashlib.sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()
                saved.setdefault(name, {})[dtype_name] = digest
    (HERE / "interchange.json").write_text(json.dumps({"model.safetensors sha256": saved}, indent=2) + "\n")
    for name, options in ADAPTERS.items():
        torch.manual_seed(7)
        model = get_peft_model(open_model(HERE / name), LoraConfig(task_type="CAUSAL_LM", **options))
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn_like(parameter)
        model.eval()
        folder = HERE / "peft" / name
        model.save_pretrained(folder)
        (folder / "README.md").unlink()
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = name
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
        batch = load_file(HERE / name / "expected.safetensors")
        save_file({"next_token_logprobs": log_probs(model, batch)}, folder / "expected.safetensors")


def check(root):
    worst = 0.0
    for folder in sorted(Path(root).iterdir()):
        name, kind = folder.name.split(".")
        batch = load_file(HERE / name / "expected.safetensors")
        if kind == "peft":
            model = PeftModel.from_pretrained(open_model(HERE / name), folder).eval()
            expected = load_file(HERE / "peft" / name / "expected.safetensors")["next_token_logprobs"]
        else:
            with safe_open(folder / "model.safetensors", "pt") as file:
                assert {str(file.get_tensor(key).dtype) for key in file.keys()} == {f"torch.{kind}"}
            model = open_model(folder)
            expected = log_probs(open_model(HERE / name, DTYPES[kind]).float(), batch)
        difference = (log_probs(model, batch) - expected).abs().max().item()
        print(f"{folder.name}: {type(model).__name__}, largest difference {difference:.2e}")
        worst = max(worst, difference)
    assert worst < 1e-5, worst


if __name__ == "__main__":
    make() if sys.argv[1] == "make" else check(sys.argv[2])
