import { loadavg } from 'node:os';
import { type ModelConfig, parseConfig } from '../src/index.ts';

/** The shape of the figures: 0.8 million parameters. */
export const SMALL: ModelConfig = parseConfig({
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 64,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  max_position_embeddings: 1024,
  tie_word_embeddings: true,
});

export interface Timing {
  /** Quickest of all runs. */
  readonly bestMs: number;
  readonly medianMs: number;
}

/** Times `run` after a few runs that are not counted. */
export async function time(run: () => Promise<unknown>, { warmUp = 5, times = 30 } = {}): Promise<Timing> {
  for (let index = 0; index < warmUp; index += 1) await run();
  const elapsed: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const start = performance.now();
    await run();
    elapsed.push(performance.now() - start);
  }
  elapsed.sort((a, b) => a - b);
  return { bestMs: elapsed[0]!, medianMs: elapsed[times >> 1]! };
}

/** Prints one figure beside its control, as one line of JSON. */
export function report(figure: {
  bench: string;
  value: number;
  unit: string;
  control: string;
  controlValue: number;
}): void {
  const { bench, value, unit, control, controlValue } = figure;
  const rounded = (number: number): number => Number(number.toPrecision(4));
  const line = { bench, value: rounded(value), unit, control, ratio: rounded(value / controlValue) };
  console.log(JSON.stringify({ ...line, loadAverage: rounded(loadavg()[0]!) }));
}
