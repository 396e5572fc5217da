import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Tensor, tensor } from '@forge/tensor';
import { loadConfig, loadWeights, type ModelConfig, readSafetensors, type Weights } from '../src/index.ts';
import { goldenFolder } from './temporary-folder.ts';

/** The models with gradients and hidden states. */
export const MODELS = ['qwen3_tied', 'qwen3_untied', 'qwen2', 'llama', 'llama3_rope'] as const;

/** All of them: with another dtype, and in shards. */
export const ALL_MODELS = [...MODELS, 'qwen3_tied_bf16', 'qwen3_untied_sharded'] as const;

interface GreedyRun {
  readonly prompt_ids: readonly number[];
  readonly new_ids: readonly number[];
  readonly new_logprobs: readonly number[];
}

/** `expected.json` as far as this package is concerned. */
interface Expected {
  readonly batch: { readonly input_ids: readonly (readonly number[])[]; readonly lengths: readonly number[] };
  readonly loss: number;
  readonly num_target_tokens: number;
  readonly greedy: { readonly max_new_tokens: number; readonly runs: readonly GreedyRun[] };
  readonly adamw?: { readonly per_step: readonly { readonly loss: number; readonly grad_norm: number }[] };
}

export interface GoldenModel {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly expected: Expected;
  /** The sequences of the batch without their padding. */
  readonly sequences: readonly (readonly number[])[];
  /** Tensors of `expected.safetensors`. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

export async function goldenModel(name: string): Promise<GoldenModel> {
  const folder = goldenFolder(name);
  const config = await loadConfig(folder);
  const expected: Expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
  const { input_ids, lengths } = expected.batch;
  return {
    config,
    weights: await loadWeights(folder, config),
    expected,
    sequences: input_ids.map((ids, row) => ids.slice(0, lengths[row])),
    tensors: await readSafetensors(join(folder, 'expected.safetensors')),
  };
}

export async function goldenGradients(name: string): Promise<Readonly<Record<string, Tensor>>> {
  return readSafetensors(join(goldenFolder(name), 'grads.safetensors'));
}

/** A whole-number tensor. */
export function int64(shape: readonly number[], values: Iterable<number>): Tensor<'int64'> {
  return tensor('int64', shape, BigInt64Array.from(values, BigInt));
}

/** Sequences laid out in rows: which row each is in. */
export type Layout = readonly (readonly number[])[];

export interface PackedFeeds {
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Where the tokens of each sequence lie, as flat indices. */
  readonly places: readonly (readonly number[])[];
  readonly shape: readonly [rows: number, tokens: number];
}

/** Rows of sequences one after the other; what is left of a row is padding with an id that must not matter. */
export function layOut(sequences: Layout, rows: Layout, paddingId = 0): PackedFeeds {
  const lengthOf = (row: readonly number[]): number => row.reduce((sum, index) => sum + sequences[index]!.length, 0);
  const numTokens = Math.max(...rows.map(lengthOf));
  const size = rows.length * numTokens;
  const ids = new Array<number>(size).fill(paddingId);
  const positions = new Array<number>(size).fill(0);
  const segments = new Array<number>(size).fill(0);
  const places: number[][] = sequences.map(() => []);
  rows.forEach((row, rowIndex) => {
    let at = rowIndex * numTokens;
    row.forEach((sequence, segment) => {
      sequences[sequence]!.forEach((id, position) => {
        ids[at] = id;
        positions[at] = position;
        segments[at] = segment + 1;
        places[sequence]!.push(at);
        at += 1;
      });
    });
  });
  const shape = [rows.length, numTokens] as const;
  return {
    feeds: {
      input_ids: int64(shape, ids),
      position_ids: int64(shape, positions),
      segment_ids: int64(shape, segments),
    },
    places,
    shape,
  };
}

/** One sequence a row, padded on the right. */
export function padded(sequences: Layout): PackedFeeds {
  return layOut(
    sequences,
    sequences.map((_, index) => [index]),
  );
}

/** Every token but the first of each sequence as a target. */
export function targetFeeds(sequences: Layout, { places }: PackedFeeds): Record<string, Tensor> {
  const selected = places.flatMap((place) => place.slice(0, -1));
  const targets = sequences.flatMap((sequence) => sequence.slice(1));
  return {
    selected: int64([selected.length], selected),
    targets: int64([targets.length], targets),
    temperature: tensor('float32', [], Float32Array.of(1)),
  };
}

/** The largest absolute difference; NaN when there is one. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let largest = 0;
  for (let index = 0; index < a.length; index += 1) {
    const difference = Math.abs(a[index]! - b[index]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
