// B rows, V vocabulary
import type { ModelConfig } from '@forge/models';
import type { BoundRun, Session, SharedFeeds } from '@forge/onnx';
import { tensor } from '@forge/tensor';
import type { Logits } from '../sampling/sampler.ts';
import type { DecodeRow } from './batch.ts';
import type { KvCache } from './cache/kv-cache.ts';
import type { Placement } from './placement.ts';
import { RunPace } from './run-pace.ts';
import { type SelectedTokens, selectTokens } from './selected-tokens.ts';

/** The decode of so many rows, with everything it reads and writes handed to onnxruntime already. */
interface DecodeRun {
  readonly bound: BoundRun;
  readonly ids_B1: BigInt64Array;
  readonly positions_B1: BigInt64Array;
  readonly seqlens_B: Int32Array;
  readonly total: Int32Array;
  /** The only token of each row. */
  readonly selected: SelectedTokens;
  readonly pace: RunPace;
}

/** What decode runs are made of. */
export interface DecodeRunParts {
  readonly config: ModelConfig;
  readonly session: Session;
  /** Those that every run reads, which may be exchanged. */
  readonly weights: SharedFeeds;
  readonly slots: KvCache;
  readonly place: Placement;
  /** Whether the graph is. */
  readonly batchInvariant: boolean;
}

/** The decode runs of one session: made when a number of rows comes up for the first time, and again when the slots have moved. */
export class DecodeRuns implements Disposable {
  readonly #parts: DecodeRunParts;
  readonly #runs = new Map<number, DecodeRun>();
  /** All runs write their logits to the same memory. */
  #logits: Float32Array<ArrayBuffer> = new Float32Array(0);

  constructor(parts: DecodeRunParts) {
    this.#parts = parts;
    parts.slots.onMove = () => this[Symbol.dispose]();
  }

  /** Adds one token to each of the slots 0 … B-1 and returns their logits, valid until the next run: at once, if that is short. */
  run(rows: readonly DecodeRow[]): readonly Logits[] | Promise<readonly Logits[]> {
    const run = this.#runOf(rows.length);
    const { ids_B1, positions_B1, seqlens_B, total, selected, bound, pace } = run;
    let longest = 0;
    for (let row = 0; row < rows.length; row++) {
      const { nextId, numTokens, temperature = 1 } = rows[row]!;
      ids_B1[row] = BigInt(nextId);
      positions_B1[row] = BigInt(numTokens - 1);
      seqlens_B[row] = numTokens - 1;
      selected.temperatures_P[row] = temperature;
      if (numTokens > longest) longest = numTokens;
    }
    total[0] = longest;
    return pace.run(bound)?.then(() => selected.logits) ?? selected.logits;
  }

  [Symbol.dispose](): void {
    for (const { bound } of this.#runs.values()) bound[Symbol.dispose]();
    this.#runs.clear();
  }

  #runOf(numRows: number): DecodeRun {
    const { config } = this.#parts;
    if (this.#logits.length < numRows * config.vocabSize) {
      this[Symbol.dispose]();
      this.#logits = new Float32Array(numRows * config.vocabSize);
    }
    const known = this.#runs.get(numRows);
    if (known) return known;
    const run = this.#bind(numRows);
    this.#runs.set(numRows, run);
    return run;
  }

  #bind(numRows: number): DecodeRun {
    const { config, session, weights, slots, place, batchInvariant } = this.#parts;
    const logits = this.#logits.subarray(0, numRows * config.vocabSize);
    const selected = selectTokens(config, logits, batchInvariant);
    const ids = tensor('int64', [numRows, 1]);
    const positions = tensor('int64', [numRows, 1]);
    const seqlens = tensor('int32', [numRows]);
    const total = tensor('int32', []);
    const batch = { input_ids: ids, position_ids: positions, seqlens_k: seqlens, total_sequence_length: total };
    const views = slots.views(numRows);
    const feeds = { ...views.feeds, ...place(batch, slots.extent.capacity), ...selected.feeds };
    return {
      bound: session.bind(feeds, { ...views.fetches, ...selected.fetches }, weights),
      ids_B1: ids.data,
      positions_B1: positions.data,
      seqlens_B: seqlens.data,
      total: total.data,
      selected,
      pace: new RunPace(),
    };
  }
}
