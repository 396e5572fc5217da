// R rows of P tokens of a prefix and M lanes of W tokens; N picks: tokens to score
import { type Tensor, tensor } from '@forge/tensor';
import { type Part, planParts } from './lanes.ts';
import { type Continuation, promptGroups } from './prompt-groups.ts';
import type { Sequence } from './sequence.ts';

export interface PackOptions {
  /** Reads a prompt that several sequences begin with once. The numbers are the same but for rounding. @default true */
  readonly sharePrompts?: boolean;
  /** Tokens of a lane; a longer sequence has a lane of its own. @default chosen for little padding */
  readonly tokensPerRow?: number;
  /** Tokens of one micro-batch, padding included, unless a single sequence has more. @default 2048 */
  readonly maxTokensPerMicroBatch?: number;
  /**
   * Gives a sequence the same bits whatever else is in its batch, those of a generator with the same option: each is in a
   * row of its own, and shares no prompt. Needs `threads: 1`. @default false
   */
  readonly batchInvariant?: boolean;
}

/**
 * Sequences as the inputs of one run of a scoring or training graph: of the graph with shared prefixes where a sequence has one,
 * else of the graph without.
 */
export interface MicroBatch {
  /** The feeds that place tokens, by name. Positions count from 0 in each sequence; segments from 1 in each lane, 0 is padding. */
  readonly tokens: Tokens;
  /** `[N]`: flat index into all tokens of the one that predicts, none twice. */
  readonly selected: Tensor<'int64'>;
  /** `[N]`: id of the token that is predicted. */
  readonly targets: Tensor<'int64'>;
  /** For each pick, the sequence it belongs to and its place in that sequence's `tokenIds`; place -1 only fills up, and counts nothing. */
  readonly pickSequence: Int32Array;
  readonly pickToken: Int32Array;
}

/** Those of lanes are `[R, M, W]`, or `[R·M, W]` without prefixes; those of prefixes `[R, P]`. */
type Tokens = Readonly<Record<LaneFeed, Tensor<'int64'>> & Partial<Record<PrefixFeed, Tensor<'int64'>>>>;
type LaneFeed = 'input_ids' | 'position_ids' | 'segment_ids';
type PrefixFeed = 'prefix_ids' | 'prefix_position_ids' | 'prefix_segment_ids';

/** Whether a micro-batch is for the graphs with shared prefixes. */
export const hasPrefixes = ({ tokens }: MicroBatch): boolean => tokens.prefix_ids !== undefined;

/**
 * Packs sequences into micro-batches. Each token to score is in exactly one pick; no sequence is cut; a prompt that several
 * sequences begin with is read once a row.
 *
 * The result depends on the sequences and the options alone, so equal batches give equal bits.
 *
 * @param masks - 0 where a token need not be scored. @default all are
 */
export function pack(
  sequences: readonly Sequence[],
  { sharePrompts = true, tokensPerRow, maxTokensPerMicroBatch = 2048, batchInvariant = false }: PackOptions = {},
  masks?: readonly ArrayLike<number>[],
): readonly MicroBatch[] {
  const groups = promptGroups(sequences, masks, sharePrompts && !batchInvariant);
  if (groups.length === 0) return [];
  const laneWidth = batchInvariant ? 1 : tokensPerRow; // a lane holds one sequence that is longer
  const parts = planParts(groups, maxTokensPerMicroBatch, laneWidth);
  return parts.map((part) => fillTensors(sequences, batchInvariant ? paired(part) : part));
}

/** Rows of an even number of tokens: a product of one row takes another kernel than one of several, and so does a row that is left over. */
const paired = (part: Part): Part => ({ ...part, width: part.width + (part.width % 2), minPicks: 2 });

function fillTensors(sequences: readonly Sequence[], part: Part): MicroBatch {
  const { rows, prefix, lanes, width, minPicks = 0 } = part;
  const numWanted = rows
    .flatMap((row) => row.lanes.flatMap((lane) => lane.members))
    .reduce((sum, { picks }) => sum + picks.length, 0);
  const numPicks = Math.max(numWanted, minPicks);
  const shape = prefix === 0 ? [rows.length * lanes, width] : [rows.length, lanes, width];
  const ofLanes = (): Tensor<'int64'> => tensor('int64', shape);
  const batch: MicroBatch = {
    tokens: {
      input_ids: ofLanes(),
      position_ids: ofLanes(),
      segment_ids: ofLanes(),
      ...(prefix > 0 && prefixTensors(part)),
    },
    selected: tensor('int64', [numPicks]),
    targets: tensor('int64', [numPicks]),
    pickSequence: new Int32Array(numPicks),
    pickToken: new Int32Array(numPicks),
  };
  let pick = 0;
  for (const [r, { prefixIds, lanes: filled }] of rows.entries()) {
    for (const [l, lane] of filled.entries()) {
      let at = (r * lanes + l) * width; // in the tensors of lanes
      for (const [segment, member] of lane.members.entries()) {
        fillSegment(batch, member.ids, { at, position: prefixIds.length, segment: segment + 1 });
        const start = at + (r + 1) * prefix; // of all tokens of the rows
        pick = fillPicks(batch, { sequences, member, pick, prefixLength: prefixIds.length, start });
        at += member.ids.length;
      }
    }
  }
  for (; pick < numPicks; pick++) {
    batch.selected.data[pick] = batch.selected.data[0] === 0n ? 1n : 0n; // another token than the one that is there
    batch.pickSequence[pick] = batch.pickSequence[0]!;
    batch.pickToken[pick] = -1;
  }
  return batch;
}

function prefixTensors({ rows, prefix }: Part): Record<PrefixFeed, Tensor<'int64'>> {
  const filled = (value: (id: number, position: number) => number): Tensor<'int64'> => {
    const values = tensor('int64', [rows.length, prefix]);
    for (const [r, { prefixIds }] of rows.entries()) {
      for (const [position, id] of prefixIds.entries())
        values.data[r * prefix + position] = BigInt(value(id, position));
    }
    return values;
  };
  return {
    prefix_ids: filled((id) => id),
    prefix_position_ids: filled((_, position) => position),
    prefix_segment_ids: filled(() => 1),
  };
}

function fillSegment(
  { tokens }: MicroBatch,
  ids: readonly number[],
  { at, position, segment }: Record<'at' | 'position' | 'segment', number>,
): void {
  for (const [i, id] of ids.entries()) {
    tokens.input_ids.data[at + i] = BigInt(id);
    tokens.position_ids.data[at + i] = BigInt(position + i);
    tokens.segment_ids.data[at + i] = BigInt(segment);
  }
}

interface MemberPlace {
  readonly sequences: readonly Sequence[];
  readonly member: Continuation;
  /** Picks so far. */
  readonly pick: number;
  readonly prefixLength: number;
  /** Flat index of the member's first token. */
  readonly start: number;
}

/** Writes the picks of one sequence; returns the number of picks so far. */
function fillPicks(batch: MicroBatch, { sequences, member, pick, prefixLength, start }: MemberPlace): number {
  const { promptIds, tokenIds } = sequences[member.index]!;
  for (const [i, token] of member.picks.entries()) {
    batch.selected.data[pick + i] = BigInt(start + promptIds.length + token - prefixLength - 1);
    batch.targets.data[pick + i] = BigInt(tokenIds[token]!);
    batch.pickSequence[pick + i] = member.index;
    batch.pickToken[pick + i] = token;
  }
  return pick + member.picks.length;
}

/** The symbolic sizes of the graph that a micro-batch is for. */
export function sizesOf({ tokens, pickSequence }: MicroBatch): Readonly<Record<string, number>> {
  const [rows, second, width] = tokens.input_ids.shape as readonly [number, number, number?];
  const picks = pickSequence.length;
  if (width === undefined) return { rows, tokens: second, picks };
  return { rows, prefix: tokens.prefix_ids!.shape[1]!, lanes: second, width, picks }; // lanes come with a prefix
}

/** The ids of all tokens, padding included: row by row, each its prefix and then its lanes. */
export function tokenIdsOf({ tokens }: MicroBatch): BigInt64Array {
  const { input_ids: lanes, prefix_ids: prefixes } = tokens;
  if (prefixes === undefined) return lanes.data;
  const [rows, prefix] = prefixes.shape as readonly [number, number];
  const inLanes = lanes.data.length / rows;
  const ids = new BigInt64Array(prefixes.data.length + lanes.data.length);
  for (let r = 0; r < rows; r++) {
    ids.set(prefixes.data.subarray(r * prefix, (r + 1) * prefix), r * (prefix + inLanes));
    ids.set(lanes.data.subarray(r * inLanes, (r + 1) * inLanes), r * (prefix + inLanes) + prefix);
  }
  return ids;
}

/** Numbers of the sequences' tokens, in the order of the picks. */
export function gatherPicks(batch: MicroBatch, perToken: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from(batch.pickSequence, (index, pick) => perToken[index]![batch.pickToken[pick]!] ?? 0);
}

/** Writes one number a pick to the sequence and token it belongs to. */
export function scatterPicks(batch: MicroBatch, picks: ArrayLike<number>, perToken: readonly Float32Array[]): void {
  for (let pick = 0; pick < batch.pickSequence.length; pick++) {
    const token = batch.pickToken[pick]!;
    if (token >= 0) perToken[batch.pickSequence[pick]!]![token] = picks[pick]!;
  }
}
