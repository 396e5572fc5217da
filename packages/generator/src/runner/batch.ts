// B rows, T tokens of a row
import { type Tensor, tensor } from '@forge/tensor';

/** A running sequence that takes one more token. */
export interface DecodeRow {
  /** The token to compute. */
  readonly nextId: number;
  /** Tokens of the sequence, that one included. */
  readonly numTokens: number;
  /** That the softmax of the next token's logits is of. @default 1 */
  readonly temperature?: number;
}

/** `rows`, filled up to so many: a row more than was asked for writes to a slot that nobody has. */
export function atLeast(numRows: number, rows: readonly DecodeRow[]): readonly DecodeRow[] {
  if (rows.length >= numRows) return rows;
  return [...rows, ...Array<DecodeRow>(numRows - rows.length).fill({ nextId: 0, numTokens: 1 })];
}

/** What tokens a run computes. */
export type BatchFeeds = Readonly<Record<'input_ids' | 'position_ids' | 'seqlens_k' | 'total_sequence_length', Tensor>>;

/**
 * Prompts of different lengths as one block of `numTokens`, padded at the right with token 0. Padding computes keys and values
 * beyond the end of its row, which nothing reads: the row's next token overwrites the first of them.
 */
export function prefillBatch(prompts: readonly (readonly number[])[], numTokens: number): BatchFeeds {
  const ids_BT = new BigInt64Array(prompts.length * numTokens);
  const positions_BT = new BigInt64Array(prompts.length * numTokens);
  prompts.forEach((ids, row) => {
    for (let at = 0; at < numTokens; at++) positions_BT[row * numTokens + at] = BigInt(at);
    ids.forEach((id, at) => {
      ids_BT[row * numTokens + at] = BigInt(id);
    });
  });
  return feeds(
    ids_BT,
    positions_BT,
    prompts.map((ids) => ids.length),
  );
}

/**
 * Tokens `from` … `to` of one sequence on top of those before, and padding with token 0 up to `numTokens`: the tokens
 * after `to` overwrite what that leaves behind.
 */
export function extendBatch(ids: readonly number[], from: number, to: number, numTokens: number): BatchFeeds {
  const ids_1T = new BigInt64Array(numTokens);
  ids.slice(from, to).forEach((id, at) => {
    ids_1T[at] = BigInt(id);
  });
  const positions_1T = BigInt64Array.from({ length: numTokens }, (_, at) => BigInt(from + at));
  return feeds(ids_1T, positions_1T, [from + numTokens]);
}

function feeds(
  ids_BT: BigInt64Array<ArrayBuffer>,
  positions_BT: BigInt64Array<ArrayBuffer>,
  totals_B: readonly number[],
): BatchFeeds {
  const numRows = totals_B.length;
  const numTokens = ids_BT.length / numRows;
  const shape = [numRows, numTokens];
  return {
    input_ids: tensor('int64', shape, ids_BT),
    position_ids: tensor('int64', shape, positions_BT),
    seqlens_k: tensor(
      'int32',
      [numRows],
      Int32Array.from(totals_B, (total) => total - 1),
    ),
    total_sequence_length: tensor('int32', [], Int32Array.of(Math.max(numTokens, ...totals_B))),
  };
}
