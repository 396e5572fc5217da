"""The steps of loss-curve.bench.ts in PyTorch: Hugging Face's model, torch.optim.AdamW, transformers' schedule, TRL's GRPO loss.

Reads one JSON request a line (folder of the model, batches, settings) and answers with losses and gradient norms, one a step.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup


def padded(rows, width):
    return torch.tensor([list(row) + [0] * (width - len(row)) for row in rows], dtype=torch.float32)


def loss_of(model, batch, loss):
    inputs, targets = batch["inputs"], batch["targets"]
    texts = [one["promptIds"] + one["tokenIds"] for one in inputs]
    width = max(map(len, texts))
    ids, present = padded(texts, width).long(), padded([[1] * len(text) for text in texts], width)
    logits = model(input_ids=ids, attention_mask=present.long()).logits[:, :-1]
    log_probs = torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])[..., 0]

    def at_tokens(rows):  # one number a token of the completion, where its prediction is
        return padded([[0] * (len(one["promptIds"]) - 1) + list(row) for one, row in zip(inputs, rows)], width - 1)

    mask = at_tokens(targets.get("masks") or [[1] * len(one["tokenIds"]) for one in inputs])
    if targets["loss"] == "sft":
        return -(log_probs * mask).sum() / mask.sum()
    # trl/trainer/grpo_trainer.py, _compute_loss, loss_type "grpo"
    advantages = torch.tensor(targets["advantages"])[:, None]
    ratio = torch.exp(log_probs - at_tokens(targets["samplerLogProbs"]))
    clipped = torch.clamp(ratio, 1 - loss["epsilonLow"], 1 + loss["epsilonHigh"])
    per_token = -torch.min(ratio * advantages, clipped * advantages)
    difference = at_tokens(targets["refLogProbs"]) - log_probs
    per_token = per_token + loss["beta"] * (torch.exp(difference) - difference - 1)
    return ((per_token * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()


def curve(request):
    model = AutoModelForCausalLM.from_pretrained(request["folder"], dtype=torch.float32, attn_implementation="eager").train()
    settings, schedule = request["training"]["optimizer"], request["training"]["schedule"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["learningRate"], betas=settings["betas"],
                                  eps=settings["epsilon"], weight_decay=settings["weightDecay"])
    scheduler = get_cosine_schedule_with_warmup(optimizer, schedule["warmupSteps"], schedule["totalSteps"])
    losses, norms = [], []
    batches = request["batches"]
    for step in range(request["numSteps"]):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model, batches[step % len(batches)], request["step"].get("loss"))
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), request["training"]["maxGradNorm"]).item())
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return {"losses": losses, "grad_norms": norms}


if __name__ == "__main__":
    torch.set_num_threads(2)
    for line in sys.stdin:
        print(json.dumps(curve(json.loads(line))), flush=True)
