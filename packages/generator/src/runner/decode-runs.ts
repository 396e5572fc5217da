// B rows, V vocabulary
import type { BoundRun, Session } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import type { DecodeRow } from './batch.ts';
import type { CacheViews, KvCache } from './cache/kv-cache.ts';

/** The decode of so many rows, with everything it reads and writes handed to onnxruntime already. */
interface DecodeRun {
  readonly views: CacheViews;
  readonly bound: BoundRun;
  readonly ids_B1: BigInt64Array;
  readonly positions_B1: BigInt64Array;
  readonly seqlens_B: Int32Array;
  readonly total: Int32Array;
  readonly logits: readonly Float32Array[];
}

/** What decode runs are made of. */
export interface DecodeRunParts {
  readonly session: Session;
  /** Feeds of every run. */
  readonly weights: Readonly<Record<string, Tensor>>;
  readonly slots: KvCache;
  readonly vocabSize: number;
}

/** The decode runs over one set of weights: made when a number of rows comes up for the first time, and again when the slots have moved. */
export class DecodeRuns implements Disposable {
  readonly #parts: DecodeRunParts;
  readonly #runs = new Map<number, DecodeRun>();
  #logits: Float32Array<ArrayBuffer> = new Float32Array(0);

  constructor(parts: DecodeRunParts) {
    this.#parts = parts;
  }

  /** Adds one token to each of the slots 0 … B-1 and returns their logits [V], valid until the next run. */
  async run(rows: readonly DecodeRow[]): Promise<readonly Float32Array[]> {
    const run = this.#runOf(rows.length);
    let longest = 0;
    for (let row = 0; row < rows.length; row++) {
      const { tokenId, numTokens } = rows[row]!;
      run.ids_B1[row] = BigInt(tokenId);
      run.positions_B1[row] = BigInt(numTokens - 1);
      run.seqlens_B[row] = numTokens - 1;
      if (numTokens > longest) longest = numTokens;
    }
    run.total[0] = longest;
    await run.bound.run();
    return run.logits;
  }

  [Symbol.dispose](): void {
    for (const { bound } of this.#runs.values()) bound[Symbol.dispose]();
    this.#runs.clear();
  }

  #runOf(numRows: number): DecodeRun {
    const { slots, vocabSize } = this.#parts;
    // All runs write their logits to the same memory.
    if (this.#logits.length < numRows * vocabSize) {
      this[Symbol.dispose]();
      this.#logits = new Float32Array(numRows * vocabSize);
    }
    const known = this.#runs.get(numRows);
    const views = slots.views(numRows);
    if (known?.views === views) return known;
    known?.bound[Symbol.dispose]();
    const run = this.#bind(numRows, views);
    this.#runs.set(numRows, run);
    return run;
  }

  #bind(numRows: number, views: CacheViews): DecodeRun {
    const { session, weights, vocabSize } = this.#parts;
    const logits_BV = this.#logits.subarray(0, numRows * vocabSize);
    const ids = tensor('int64', [numRows, 1]);
    const positions = tensor('int64', [numRows, 1]);
    const seqlens = tensor('int32', [numRows]);
    const total = tensor('int32', []);
    const feeds = {
      ...weights,
      ...views.feeds,
      input_ids: ids,
      position_ids: positions,
      seqlens_k: seqlens,
      total_sequence_length: total,
      selected: tensor(
        'int64',
        [numRows],
        BigInt64Array.from({ length: numRows }, (_, row) => BigInt(row)),
      ),
    };
    const fetches = { ...views.fetches, logits: tensor('float32', [numRows, vocabSize], logits_BV) };
    return {
      views,
      bound: session.bind(feeds, fetches),
      ids_B1: ids.data,
      positions_B1: positions.data,
      seqlens_B: seqlens.data,
      total: total.data,
      logits: Array.from({ length: numRows }, (_, row) => logits_BV.subarray(row * vocabSize, (row + 1) * vocabSize)),
    };
  }
}
