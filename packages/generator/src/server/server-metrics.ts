import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Completion } from '../engine/completion.ts';
import type { Engine } from '../engine/engine.ts';

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What a server has answered, for Prometheus. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #answers = this.#counter('http_requests_total', 'Answers by path and status.', ['path', 'status']);
  readonly #completions = this.#counter('completions_total', 'Completions by the reason of their end.', ['reason']);
  readonly #promptTokens = this.#counter('prompt_tokens_total', 'Tokens of prompts that were answered.', []);
  readonly #tokens = this.#counter('generation_tokens_total', 'Tokens of completions.', []);
  readonly #firstToken = this.#histogram('time_to_first_token_seconds', 'From arrival to the first token.');
  readonly #total = this.#histogram('request_seconds', 'From arrival to the last token.');

  constructor(engine: Engine) {
    const gauges = [
      ['sequences_running', 'Sequences that are being continued.', () => engine.numRunning],
      ['sequences_waiting', 'Sequences that wait for a slot.', () => engine.numWaiting],
    ] as const;
    for (const [name, help, read] of gauges) {
      const registers = [this.#registry];
      new Gauge({
        name: `forge_generator_${name}`,
        help,
        registers,
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
    this.#promptTokens.inc(completions[0]?.promptIds.length ?? 0);
    for (const { finishReason, tokenIds, timing } of completions) {
      this.#completions.inc({ reason: finishReason });
      this.#tokens.inc(tokenIds.length);
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
    return new Counter({
      name: `forge_generator_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name: `forge_generator_${name}`, help, buckets: seconds, registers: [this.#registry] });
  }
}
