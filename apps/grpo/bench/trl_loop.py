"""The runs of loop.bench.ts in TRL: GRPOTrainer on the same folder, the same problems, the same batch, on a CPU.

usage: python trl_loop.py --model <folder> --data <file.jsonl> --beta 0 [--steps 22] [--threads 2]
Prints one JSON line. Needs trl and datasets. 8 prompts x 8 completions of at most 16 tokens a step, float32.
"""
import argparse, contextlib, json, os, statistics, sys, tempfile, time, warnings

warnings.filterwarnings("ignore")
os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer


def reward(prompts, completions, answer, **_):
    return [float(completion.strip() == target) for completion, target in zip(completions, answer)]


class Clock(TrainerCallback):
    def __init__(self):
        self.last, self.times = None, []

    def on_step_end(self, *_, **__):
        now = time.perf_counter()
        if self.last is not None:
            self.times.append(now - self.last)
        self.last = now


def main(given):
    torch.set_num_threads(given.threads)
    records = [json.loads(line) for line in open(given.data)]
    data = Dataset.from_list([{"prompt": r["question"] + "\n", "answer": r["answer"].split("####")[1].strip()} for r in records])
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        settings = GRPOConfig(
            output_dir=out, max_steps=given.steps, per_device_train_batch_size=64, num_generations=8,
            max_completion_length=16, gradient_accumulation_steps=1, beta=given.beta, learning_rate=1e-6, temperature=1.0,
            use_cpu=True, bf16=False, fp16=False, gradient_checkpointing=False, logging_steps=1, save_strategy="no",
            report_to=[], disable_tqdm=True, seed=0, dataloader_pin_memory=False, optim="adamw_torch")
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32), reward_funcs=reward, args=settings,
            train_dataset=data, processing_class=AutoTokenizer.from_pretrained(given.model, padding_side="left"),
            callbacks=[clock])
        with contextlib.redirect_stdout(sys.stderr):  # TRL prints its log lines
            trainer.train()
        lengths = [log["completions/mean_length"] for log in trainer.state.log_history if "completions/mean_length" in log]
    times = clock.times[2:]
    print(json.dumps({"completionsPerSecond": 64 / statistics.mean(times), "median": 64 / statistics.median(times),
                      "meanLength": statistics.mean(lengths)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--beta", type=float, default=0.0)
    parser.add_argument("--steps", type=int, default=22)
    parser.add_argument("--threads", type=int, default=2)
    main(parser.parse_args())
