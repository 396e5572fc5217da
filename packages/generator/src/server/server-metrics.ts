import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Completion } from '../engine/completion.ts';
import type { Engine } from '../engine/engine.ts';

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What a server has answered, for Prometheus, under vLLM's names where they mean the same. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #answers = this.#counter('forge:http_requests_total', 'Answers by path and status.', ['path', 'status']);
  readonly #completions = this.#counter('vllm:request_success_total', 'Completions by the reason of their end.', [
    'finished_reason',
  ]);
  readonly #promptTokens = this.#counter('vllm:prompt_tokens_total', 'Tokens of prompts that were answered.', []);
  readonly #askedTokens = this.#counter(
    'vllm:prefix_cache_queries_total',
    'Tokens that were looked up as prefixes.',
    [],
  );
  readonly #cachedTokens = this.#counter('vllm:prefix_cache_hits_total', 'Those that were not computed again.', []);
  readonly #tokens = this.#counter('vllm:generation_tokens_total', 'Tokens of completions.', []);
  readonly #queued = this.#histogram('vllm:request_queue_time_seconds', 'From arrival until the prompt begins to run.');
  readonly #firstToken = this.#histogram('vllm:time_to_first_token_seconds', 'From arrival to the first token.');
  readonly #total = this.#histogram('vllm:e2e_request_latency_seconds', 'From arrival to the last token.');

  constructor(engine: Engine, modelName: string) {
    this.#registry.setDefaultLabels({ model_name: modelName });
    const gauges = [
      ['vllm:num_requests_running', 'Sequences that are being continued.', () => engine.numRunning],
      ['vllm:num_requests_waiting', 'Sequences that wait for a slot.', () => engine.numWaiting],
      ['forge:weight_version', 'The version of the weights.', () => engine.version],
    ] as const;
    for (const [name, help, read] of gauges) {
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(read());
        },
      });
    }
  }

  answered(path: string, status: number): void {
    this.#answers.inc({ path, status });
  }

  completed(completions: readonly Completion[]): void {
    const [first] = completions;
    this.#promptTokens.inc(first?.promptIds.length ?? 0);
    this.#askedTokens.inc(first?.promptIds.length ?? 0);
    this.#cachedTokens.inc(first?.numCachedTokens ?? 0);
    for (const { finishReason, tokenIds, timing } of completions) {
      this.#completions.inc({ finished_reason: finishReason });
      this.#tokens.inc(tokenIds.length);
      this.#queued.observe(timing.queuedMs / 1000);
      this.#firstToken.observe(timing.firstTokenMs / 1000);
      this.#total.observe(timing.totalMs / 1000);
    }
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: seconds, registers: [this.#registry] });
  }
}
