import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { expect } from 'vitest';
import type { Sequence } from '../src/packing/sequence.ts';

/** Small models that transformers trained for five steps; model files and batches are those of `packages/models/test/golden`. */
export const goldenModels = ['qwen3_tied', 'qwen3_untied', 'llama', 'llama3_rope', 'qwen2'] as const;

export interface GoldenModel {
  readonly folder: string;
  /** The batch as sequences whose first token is given and whose other tokens are scored. */
  readonly sequences: readonly Sequence[];
  readonly loss: number;
  readonly adamw: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly max_grad_norm: number;
    readonly per_step: readonly { readonly loss: number; readonly grad_norm: number }[];
    readonly loss_after: number;
  };
  /** Of each token of the sequences. */
  readonly logProbs: readonly Float32Array[];
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly weightsAfter: Readonly<Record<string, Tensor>>;
}

const goldenFolder = (name: string): string =>
  fileURLToPath(new URL(`../../models/test/golden/${name}`, import.meta.url));

export async function readGoldenModel(name: string): Promise<GoldenModel> {
  const folder = goldenFolder(name);
  // The file's shape is that of `GoldenModel` where the names agree.
  const expected = JSON.parse(await readFile(`${folder}/expected.json`, 'utf8')) as {
    readonly batch: { readonly input_ids: readonly (readonly number[])[]; readonly lengths: readonly number[] };
  } & Pick<GoldenModel, 'loss' | 'adamw'>;
  const { input_ids, lengths } = expected.batch;
  const tensors = await readSafetensors(`${folder}/expected.safetensors`);
  const logProbs_BT = tensors['next_token_logprobs']!;
  const width = logProbs_BT.shape[1]!;
  return {
    folder,
    sequences: input_ids.map((row, b) => ({ promptIds: row.slice(0, 1), tokenIds: row.slice(1, lengths[b]) })),
    loss: expected.loss,
    adamw: expected.adamw,
    // The file holds float32.
    logProbs: lengths.map((n, b) => (logProbs_BT.data as Float32Array).slice(b * width, b * width + n - 1)),
    gradients: await readSafetensors(`${folder}/grads.safetensors`),
    weightsAfter: await readSafetensors(fileURLToPath(new URL(`./golden/${name}.adamw5.safetensors`, import.meta.url))),
  };
}

/** Largest and mean absolute difference over all numbers of two sets of tensors; the names must be the same. */
export function compare(
  actual: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, Tensor>>,
): { readonly worst: number; readonly mean: number } {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  let worst = 0;
  let sum = 0;
  let count = 0;
  for (const [name, { data }] of Object.entries(expected)) {
    const own = actual[name]!.data;
    expect(own.length).toBe(data.length);
    for (let i = 0; i < data.length; i++) {
      const difference = Math.abs(Number(own[i]) - Number(data[i]));
      if (!(difference <= worst)) worst = difference;
      sum += difference;
      count++;
    }
  }
  return { worst, mean: sum / count };
}
