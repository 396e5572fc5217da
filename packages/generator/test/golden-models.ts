import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadConfig, loadWeights, type ModelConfig, type Weights } from '@forge/models';
import type { Completion } from '../src/engine/completion.ts';
import { Engine } from '../src/engine/engine.ts';
import type { EngineOptions } from '../src/engine/engine-options.ts';
import { Runner } from '../src/runner/runner.ts';
import type { RunnerOptions } from '../src/runner/runner-options.ts';
import { resolveSamplingParams, type SamplingParams } from '../src/sampling/sampling-params.ts';

/** The models that PyTorch's numbers were recorded for; they have no tokenizer. */
export const modelNames = [
  'qwen3_tied',
  'qwen3_untied',
  'llama',
  'llama3_rope',
  'qwen2',
  'qwen3_tied_bf16',
  'qwen3_untied_sharded',
] as const;
export type ModelName = (typeof modelNames)[number];

export const goldenFolder = (name: string): string =>
  fileURLToPath(new URL(`../../models/test/golden/${name}`, import.meta.url));

interface GreedyRun {
  readonly prompt_ids: readonly number[];
  readonly new_ids: readonly number[];
}
export interface Expected {
  readonly greedy: {
    readonly max_new_tokens: number;
    readonly runs: readonly (GreedyRun & { readonly new_logprobs: readonly number[] })[];
  };
  /** Recorded for five of the models. */
  readonly greedy_with_stop?: {
    readonly max_new_tokens: number;
    readonly eos_token_id: number;
    readonly runs: readonly GreedyRun[];
  };
}

export const expected = (name: ModelName): Expected =>
  JSON.parse(readFileSync(`${goldenFolder(name)}/expected.json`, 'utf8'));

export async function loadGolden(name: ModelName): Promise<{ config: ModelConfig; weights: Weights }> {
  const config = await loadConfig(goldenFolder(name));
  return { config, weights: await loadWeights(goldenFolder(name), config) };
}

/** One character a token, so that text and tokens are as long as each other. */
export const decodeLetters = (ids: readonly number[]): string => String.fromCharCode(...ids.map((id) => 0x4e00 + id));

type Options = Partial<Omit<EngineOptions, 'runner'>> & { readonly runner?: RunnerOptions };

export async function openEngine(
  name: ModelName,
  { runner: runnerOptions, ...options }: Options = {},
): Promise<Engine> {
  const { config, weights } = await loadGolden(name);
  const runner = await Runner.open(config, weights, { threads: 1, ...runnerOptions });
  return new Engine({ runner, decode: decodeLetters, ...options });
}

export const generate = (engine: Engine, ids: readonly number[], sampling: SamplingParams = {}, signal?: AbortSignal) =>
  engine.generate({ text: decodeLetters(ids), ids }, resolveSamplingParams(sampling), { signal });

/** Completions, one after the other, for as long as something goes on: at any moment some are running. */
export async function generateWhile(
  engine: Engine,
  ids: readonly number[],
  goesOn: Promise<unknown>,
): Promise<readonly Completion[]> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  void goesOn.then(over, over);
  const oneAfterTheOther = async (maxTokens: number): Promise<readonly Completion[]> => {
    const done: Completion[] = [];
    do done.push(...(await generate(engine, ids, { maxTokens, seed: 6 })));
    while (!isOver);
    return done;
  };
  // Of several lengths, so that they do not end with the same step.
  return (await Promise.all([41, 61, 97].map(oneAfterTheOther))).flat();
}
