import { type FileRange, loadNative, type Native, pagesOf } from '@forge/monarch/memory';

/** Reserved addresses have at most so many bytes: those of a WebAssembly memory. */
const maxBytes = 2 ** 32;
/** How long addresses wait for the next read when all that lay in them has been released. */
const idleMs = 10_000;

/** Addresses whose views have all been released, for the next read. */
interface Spare {
  readonly memory: ViewMemory;
  readonly buffer: ArrayBuffer;
  readonly timer: NodeJS.Timeout;
}

let spare: Spare | undefined;

/** The memory in which each view lies. */
const memoryOf = new WeakMap<ArrayBufferLike, ViewMemory>();

// One for ever: when V8 collects a registry that still has something to say, it never runs a finalizer again.
const collected = new FinalizationRegistry<ViewMemory>((memory) => memory.endAll());

/**
 * Addresses of one array buffer, in which files are laid side by side as views. An address is used once: a view that has
 * ended is zeros for whoever still holds it, never another view. Views end when they are released, or all together when
 * nobody holds any of them.
 *
 * One buffer for many views because V8 collects garbage whenever buffers claim 64 MiB more, whether memory stands behind
 * them or not: for a view, which takes microseconds, that is nearly all the time.
 */
export class ViewMemory {
  readonly #native: Native;
  /** Weak: the finalizer that ends the views refers to this. */
  readonly #buffer: WeakRef<ArrayBuffer>;
  readonly #byteLength: number;
  readonly #ends = new Map<number, { readonly byteLength: number; readonly end: () => void }>();
  #used = 0;

  private constructor(native: Native, buffer: ArrayBuffer) {
    this.#native = native;
    this.#buffer = new WeakRef(buffer);
    this.#byteLength = buffer.byteLength;
    memoryOf.set(buffer, this);
    collected.register(buffer, this);
  }

  /** Addresses for so many bytes, or for as many as there can be in one piece; undefined where nothing can be mapped. */
  static reserve(wantedBytes: number): ViewMemory | undefined {
    const native = loadNative();
    if (native === undefined) return undefined;
    const bytes = Math.min(wantedBytes, maxBytes);
    const waiting = takeSpare();
    if (waiting?.hasRoom(bytes) === true) return waiting;
    // Who comes back after releasing gets room for more and more reads.
    const grown = waiting === undefined ? bytes : Math.max(bytes, Math.min(maxBytes, 2 * waiting.#byteLength));
    for (const byteLength of new Set([grown, bytes])) {
      try {
        return new ViewMemory(native, native.reserve(byteLength));
      } catch {
        // Fewer may be left, or none.
      }
    }
    return undefined;
  }

  /** Whether so many bytes more can be laid here. */
  hasRoom(byteLength: number): boolean {
    return this.#used + pagesOf(byteLength) <= this.#byteLength && this.#buffer.deref() !== undefined;
  }

  /** Lays bytes of a file here, whose offset is at a page; there must be room. @throws when the system refuses */
  lay(file: FileRange, onEnd: () => void): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer.deref()!; // whoever asked for room has just seen it
    const at = this.#used;
    this.#native.overlay(buffer, at, file);
    this.#used += pagesOf(file.byteLength);
    this.#ends.set(at, { byteLength: file.byteLength, end: onEnd });
    return new Uint8Array(buffer, at, file.byteLength);
  }

  /** Ends the view that begins in this page; its bytes are zeros then. */
  release(at: number): void {
    const buffer = this.#buffer.deref();
    const view = this.#ends.get(at);
    if (buffer === undefined || view === undefined) return;
    this.#native.clear(buffer, at, view.byteLength); // first: from then on nobody sees what is written there
    this.#ends.delete(at);
    view.end();
    if (this.#ends.size === 0) keepSpare(this, buffer);
  }

  /** Ends all views, which nobody holds any more. */
  endAll(): void {
    const views = [...this.#ends.values()];
    this.#ends.clear();
    for (const { end } of views) end();
  }
}

/** The memory that an array is a view of; undefined when it is none. */
export function viewMemoryOf(array: ArrayBufferView): ViewMemory | undefined {
  return memoryOf.get(array.buffer);
}

function keepSpare(memory: ViewMemory, buffer: ArrayBuffer): void {
  takeSpare();
  const timer = setTimeout(takeSpare, idleMs).unref();
  spare = { memory, buffer, timer };
}

function takeSpare(): ViewMemory | undefined {
  const taken = spare;
  spare = undefined;
  clearTimeout(taken?.timer);
  return taken?.memory;
}
