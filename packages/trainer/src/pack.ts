// R rows, T tokens of a row: P of the prefix and M lanes of W tokens; N picks: tokens to score
import { type Tensor, tensor } from '@forge/tensor';
import { type Part, planParts, tokensOfRow } from './lanes.ts';
import { type Continuation, promptGroups } from './prompt-groups.ts';
import type { Sequence } from './sequence.ts';

export interface PackOptions {
  /** Reads a prompt that several sequences begin with once. The numbers are the same but for rounding. @default true */
  readonly sharePrompts?: boolean;
  /** Tokens of a lane; a longer sequence has a lane of its own. @default chosen for little padding */
  readonly tokensPerRow?: number;
  /** Tokens of one micro-batch, padding included, unless a single sequence has more. @default 2048 */
  readonly maxTokensPerMicroBatch?: number;
}

/** Sequences in rows of prefix and lanes, as the inputs of one run of a scoring or training graph with shared prefixes. */
export interface MicroBatch {
  /** The feeds that place tokens, by name. Positions count from 0 in each sequence; segments from 1 in each lane, 0 is padding. */
  readonly tokens: Readonly<Record<LaneFeed | PrefixFeed, Tensor<'int64'>>>;
  /** `[N]`: flat index into R·T of the token that predicts. */
  readonly selected: Tensor<'int64'>;
  /** `[N]`: id of the token that is predicted. */
  readonly targets: Tensor<'int64'>;
  /** For each pick, the sequence it belongs to and its place in that sequence's `tokenIds`. */
  readonly pickSequence: Int32Array;
  readonly pickToken: Int32Array;
}

/** `[R, M, W]` */
type LaneFeed = 'input_ids' | 'position_ids' | 'segment_ids';
/** `[R, P]` */
type PrefixFeed = 'prefix_ids' | 'prefix_position_ids' | 'prefix_segment_ids';

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
  { sharePrompts = true, tokensPerRow, maxTokensPerMicroBatch = 2048 }: PackOptions = {},
  masks?: readonly ArrayLike<number>[],
): readonly MicroBatch[] {
  const groups = promptGroups(sequences, masks, sharePrompts);
  if (groups.length === 0) return [];
  return planParts(groups, maxTokensPerMicroBatch, tokensPerRow).map((part) => fillTensors(sequences, part));
}

function fillTensors(sequences: readonly Sequence[], part: Part): MicroBatch {
  const { rows, prefix, lanes, width } = part;
  const members = rows.flatMap((row) => row.lanes.flatMap((lane) => lane.members));
  const numPicks = members.reduce((sum, { picks }) => sum + picks.length, 0);
  const ofLanes = (): Tensor<'int64'> => tensor('int64', [rows.length, lanes, width]);
  const ofPrefixes = (): Tensor<'int64'> => tensor('int64', [rows.length, prefix]);
  const batch: MicroBatch = {
    tokens: {
      input_ids: ofLanes(),
      position_ids: ofLanes(),
      segment_ids: ofLanes(),
      prefix_ids: ofPrefixes(),
      prefix_position_ids: ofPrefixes(),
      prefix_segment_ids: ofPrefixes(),
    },
    selected: tensor('int64', [numPicks]),
    targets: tensor('int64', [numPicks]),
    pickSequence: new Int32Array(numPicks),
    pickToken: new Int32Array(numPicks),
  };
  let pick = 0;
  for (const [r, { prefixIds, lanes: filled }] of rows.entries()) {
    fillPrefix(batch, prefixIds, r * prefix);
    for (const [l, lane] of filled.entries()) {
      let at = (r * lanes + l) * width; // in the tensors of lanes
      for (const [segment, member] of lane.members.entries()) {
        fillSegment(batch, member.ids, { at, position: prefixIds.length, segment: segment + 1 });
        // Of all tokens of the rows; the token before the first of a segment is the last of the prefix.
        const start = at + (r + 1) * prefix;
        const lastOfPrefix = r * tokensOfRow(part) + prefixIds.length - 1;
        pick = fillPicks(batch, { sequences, member, pick, prefixLength: prefixIds.length, start, lastOfPrefix });
        at += member.ids.length;
      }
    }
  }
  return batch;
}

function fillPrefix({ tokens }: MicroBatch, ids: readonly number[], at: number): void {
  for (const [position, id] of ids.entries()) {
    tokens.prefix_ids.data[at + position] = BigInt(id);
    tokens.prefix_position_ids.data[at + position] = BigInt(position);
    tokens.prefix_segment_ids.data[at + position] = 1n;
  }
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
  /** Flat index of the member's first token, and of the token before it. */
  readonly start: number;
  readonly lastOfPrefix: number;
}

/** Writes the picks of one sequence; returns the number of picks so far. */
function fillPicks(
  batch: MicroBatch,
  { sequences, member, pick, prefixLength, start, lastOfPrefix }: MemberPlace,
): number {
  const { promptIds, tokenIds } = sequences[member.index]!;
  for (const [i, token] of member.picks.entries()) {
    const read = promptIds.length + token - prefixLength; // tokens of the member before the one that is predicted
    batch.selected.data[pick + i] = BigInt(read === 0 ? lastOfPrefix : start + read - 1);
    batch.targets.data[pick + i] = BigInt(tokenIds[token]!);
    batch.pickSequence[pick + i] = member.index;
    batch.pickToken[pick + i] = token;
  }
  return pick + member.picks.length;
}

type SizeName = 'rows' | 'prefix' | 'lanes' | 'width' | 'picks';

/** The symbolic sizes of the graphs that a micro-batch is for. */
export function sizesOf({ tokens, pickSequence }: MicroBatch): Readonly<Record<SizeName, number>> {
  const [rows, lanes, width] = tokens.input_ids.shape as readonly [number, number, number];
  const [, prefix] = tokens.prefix_ids.shape as readonly [number, number];
  return { rows, prefix, lanes, width, picks: pickSequence.length };
}

/** `[R·T]`: the ids of all tokens, each row its prefix and then its lanes. */
export function tokenIdsOf(batch: MicroBatch): BigInt64Array {
  const { rows, prefix, lanes, width } = sizesOf(batch);
  const inLanes = lanes * width;
  const ids = new BigInt64Array(rows * (prefix + inLanes));
  for (let r = 0; r < rows; r++) {
    ids.set(batch.tokens.prefix_ids.data.subarray(r * prefix, (r + 1) * prefix), r * (prefix + inLanes));
    ids.set(batch.tokens.input_ids.data.subarray(r * inLanes, (r + 1) * inLanes), r * (prefix + inLanes) + prefix);
  }
  return ids;
}

/** Numbers of the sequences' tokens, in the order of the picks. */
export function gatherPicks(batch: MicroBatch, perToken: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from(batch.pickSequence, (index, pick) => perToken[index]![batch.pickToken[pick]!]!);
}

/** Writes one number a pick to the sequence and token it belongs to. */
export function scatterPicks(batch: MicroBatch, picks: ArrayLike<number>, perToken: readonly Float32Array[]): void {
  for (let pick = 0; pick < batch.pickSequence.length; pick++) {
    perToken[batch.pickSequence[pick]!]![batch.pickToken[pick]!] = picks[pick]!;
  }
}
