// R rows, T tokens of a row, P picks: tokens to score
import { type Tensor, tensor } from '@forge/tensor';
import { inputLength, type Sequence } from './sequence.ts';

export interface PackOptions {
  /** Tokens of a row; a longer sequence has a row of its own. @default the longest sequence of the batch */
  readonly tokensPerRow?: number;
  /** Rows times the widest row of one micro-batch, unless a single row is larger. @default 2048 */
  readonly maxTokensPerMicroBatch?: number;
}

/** Sequences side by side in rows, as the inputs of one run of a scoring or training graph. */
export interface MicroBatch {
  readonly rows: number;
  /** Tokens of a row, padding included. */
  readonly tokens: number;
  /** `[R, T]`; padding is 0. */
  readonly inputIds: Tensor<'int64'>;
  /** `[R, T]`, from 0 in each sequence. */
  readonly positionIds: Tensor<'int64'>;
  /** `[R, T]`, from 1 in each row; padding is 0. */
  readonly segmentIds: Tensor<'int64'>;
  /** `[P]`: flat index of the token that predicts. */
  readonly selected: Tensor<'int64'>;
  /** `[P]`: id of the token that is predicted. */
  readonly targets: Tensor<'int64'>;
  /** For each pick, the sequence it belongs to and its place in that sequence's `tokenIds`. */
  readonly pickSequence: Int32Array;
  readonly pickToken: Int32Array;
}

/** One row: sequences of the batch by index, and the tokens they take up. */
interface Row {
  readonly members: number[];
  used: number;
}

/**
 * Packs sequences into rows and rows into micro-batches. Each token to score is in exactly one pick; no sequence is cut;
 * sequences without a token to score are left out. Longest first, each into the first row with room.
 *
 * The result depends on the sequences and the options alone, so equal batches give equal bits.
 */
export function pack(sequences: readonly Sequence[], options: PackOptions = {}): readonly MicroBatch[] {
  const { maxTokensPerMicroBatch = 2048 } = options;
  const scored = sequences.flatMap((sequence, index) => (sequence.tokenIds.length === 0 ? [] : [index]));
  const lengths = sequences.map(inputLength);
  const longest = scored.reduce((max, index) => Math.max(max, lengths[index]!), 1);
  const rows = fillRows(scored, lengths, options.tokensPerRow ?? longest);
  return splitRows(rows, maxTokensPerMicroBatch).map((part) => fillTensors(sequences, part));
}

/** First fit, longest first; of equal lengths the earlier sequence first. */
function fillRows(scored: readonly number[], lengths: readonly number[], tokensPerRow: number): readonly Row[] {
  const rows: Row[] = [];
  // Rows before the cursor of a length are too full for it, and for anything as long.
  const firstWithRoom = new Map<number, number>();
  for (const index of scored.toSorted((a, b) => lengths[b]! - lengths[a]! || a - b)) {
    const length = lengths[index]!;
    let at = firstWithRoom.get(length) ?? 0;
    while (at < rows.length && rows[at]!.used + length > tokensPerRow) at++;
    firstWithRoom.set(length, at);
    const row = rows[at];
    if (row === undefined) rows.push({ members: [index], used: length });
    else {
      row.members.push(index);
      row.used += length;
    }
  }
  return rows;
}

/** Widest rows first, so that rows of a micro-batch are about equally wide. */
function splitRows(rows: readonly Row[], maxTokens: number): readonly (readonly Row[])[] {
  const parts: Row[][] = [];
  let part: Row[] = [];
  for (const row of rows.toSorted((a, b) => b.used - a.used)) {
    const width = part[0]?.used ?? row.used;
    if (part.length > 0 && width * (part.length + 1) > maxTokens) {
      parts.push(part);
      part = [];
    }
    part.push(row);
  }
  return part.length === 0 ? parts : [...parts, part];
}

function fillTensors(sequences: readonly Sequence[], rows: readonly Row[]): MicroBatch {
  const tokens = rows[0]!.used;
  const numPicks = rows.reduce(
    (sum, { members }) => sum + members.reduce((count, index) => count + sequences[index]!.tokenIds.length, 0),
    0,
  );
  const grid = (): Tensor<'int64'> => tensor('int64', [rows.length, tokens]);
  const [inputIds_RT, positionIds_RT, segmentIds_RT] = [grid(), grid(), grid()];
  const [selected_P, targets_P] = [tensor('int64', [numPicks]), tensor('int64', [numPicks])];
  const [pickSequence, pickToken] = [new Int32Array(numPicks), new Int32Array(numPicks)];
  let pick = 0;
  for (const [r, { members }] of rows.entries()) {
    let at = r * tokens;
    for (const [segment, index] of members.entries()) {
      const { promptIds, tokenIds } = sequences[index]!;
      const length = inputLength(sequences[index]!);
      for (let position = 0; position < length; position++, at++) {
        const token = position - promptIds.length;
        inputIds_RT.data[at] = BigInt(token < 0 ? promptIds[position]! : tokenIds[token]!);
        positionIds_RT.data[at] = BigInt(position);
        segmentIds_RT.data[at] = BigInt(segment + 1);
        const predicted = token + 1;
        if (predicted < 0) continue;
        selected_P.data[pick] = BigInt(at);
        targets_P.data[pick] = BigInt(tokenIds[predicted]!);
        pickSequence[pick] = index;
        pickToken[pick] = predicted;
        pick++;
      }
    }
  }
  return {
    rows: rows.length,
    tokens,
    inputIds: inputIds_RT,
    positionIds: positionIds_RT,
    segmentIds: segmentIds_RT,
    selected: selected_P,
    targets: targets_P,
    pickSequence,
    pickToken,
  };
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
