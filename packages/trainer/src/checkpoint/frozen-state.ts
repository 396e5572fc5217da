import type { LoraConfig, ModelConfig, TensorPieces, Weights } from '@forge/models';
import type { TrainingProgress, TrainingState } from '../training-state.ts';

/** Numbers of a piece: 4 MiB, a copy of which takes a fraction of a millisecond. */
const pieceLength = 1 << 20;

type Pieces = Readonly<Record<string, TensorPieces>>;

/** What a state is made of. */
export interface StateParts extends TrainingState {
  readonly config: ModelConfig;
  readonly lora: LoraConfig | undefined;
  readonly progress: TrainingProgress;
}

/**
 * The state of a training at one moment, to be read once, tensor by tensor, while the training goes on. Nothing is copied
 * ahead: what the training is about to change, and has not been read by then, is copied just before.
 *
 * A piece of a tensor is done with when the one after the next, of whatever tensor, is asked for.
 */
export class FrozenState implements Disposable {
  readonly config: ModelConfig;
  readonly lora: LoraConfig | undefined;
  readonly progress: TrainingProgress;
  readonly weights: Pieces;
  readonly moments: readonly [first: Pieces, second: Pieces];
  /** Numbers that are still to be read, with a copy of them where they changed. */
  readonly #unread = new Map<Float32Array, Float32Array | undefined>();
  /** Pieces take turns: one may be on its way to a file while the next is made. */
  #pieceMemory: readonly [next: Float32Array, other: Float32Array] = [
    new Float32Array(pieceLength),
    new Float32Array(pieceLength),
  ];
  readonly #onRead: () => void;

  /** @param onRead - called when a tensor was read, and when the state is disposed of. */
  constructor({ config, lora, progress, weights, moments }: StateParts, onRead: () => void) {
    this.config = config;
    this.lora = lora;
    this.progress = progress;
    this.#onRead = onRead;
    this.weights = this.#frozen(weights);
    this.moments = [this.#frozen(moments[0]), this.#frozen(moments[1])];
  }

  /** Whether nothing is left to be read. */
  get isRead(): boolean {
    return this.#unread.size === 0;
  }

  /** Bytes that would be copied if all that is in these arrays were about to change. */
  bytesToCopy(arrays: ReadonlySet<ArrayBufferLike>): number {
    return this.#uncopied(arrays).reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Copies what has not been read yet: numbers in these arrays are about to change. */
  beforeChange(arrays: ReadonlySet<ArrayBufferLike>): void {
    for (const data of this.#uncopied(arrays)) this.#unread.set(data, data.slice());
  }

  /** Lets go of everything, read or not. */
  [Symbol.dispose](): void {
    this.#unread.clear();
    this.#onRead();
  }

  #uncopied(arrays: ReadonlySet<ArrayBufferLike>): Float32Array[] {
    return [...this.#unread].flatMap(([data, copy]) => (copy === undefined && arrays.has(data.buffer) ? [data] : []));
  }

  #frozen(tensors: Weights): Pieces {
    return Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
        this.#unread.set(data, undefined);
        return [name, { dtype, shape, pieces: () => this.#pieces(data) }];
      }),
    );
  }

  *#pieces(data: Float32Array): Iterable<Float32Array> {
    for (let start = 0; start < data.length; start += pieceLength) {
      // The training may change the numbers while a piece is written, but not in the middle of this copy.
      const numbers = this.#unread.get(data) ?? data;
      const [memory, other] = this.#pieceMemory;
      this.#pieceMemory = [other, memory];
      const piece = memory.subarray(0, Math.min(pieceLength, data.length - start));
      piece.set(numbers.subarray(start, start + piece.length));
      yield piece;
    }
    this.#unread.delete(data);
    this.#onRead();
  }
}
