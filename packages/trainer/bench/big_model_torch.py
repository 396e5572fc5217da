"""The step of big-model.bench.ts in PyTorch: Hugging Face Qwen3ForCausalLM from a folder, gradient checkpointing, AdamW, on a CPU.

usage: python big_model_torch.py FOLDER
Prints one JSON object: seconds to open the folder, seconds of a step and the most memory that the process has held.
"""
import json, resource, sys, time

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(2)
started = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="sdpa").train()
open_s = time.perf_counter() - started
model.gradient_checkpointing_enable()
model.config.use_cache = False
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
times = []
for tokens in (128, 1024):
    ids = torch.randint(0, model.config.vocab_size, (4, tokens // 4))  # a short step first
    began = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    model(input_ids=ids, labels=ids).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    times.append(time.perf_counter() - began)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(json.dumps({"openS": open_s, "stepS": times[-1], "peakGB": peak}))
