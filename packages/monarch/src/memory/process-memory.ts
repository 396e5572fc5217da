import type { Payload, Snapshots } from '../wire/codec.ts';
import type { Opening } from '../wire/link.ts';
import { LendingLink } from './lending-link.ts';
import { loadNative } from './native.ts';
import { Segment } from './segment.ts';
import { SegmentPool, type SegmentPoolOptions } from './segment-pool.ts';
import { SegmentReader } from './segment-reader.ts';
import { referenceTo, type SegmentReference } from './segment-reference.ts';

/** How large arrays go from one process of a machine to another. */
export type MemoryWay =
  /** As memory of the sender, mapped by the receiver. */
  | 'map'
  /** As memory of the sender, read by the receiver. */
  | 'read'
  /** As everything else: in frames. */
  | 'frames';

const WAYS: readonly string[] = ['map', 'read', 'frames'] satisfies readonly MemoryWay[];

/** Reads `FORGE_MEMORY`; without it memory is mapped. @throws {RangeError} on another word */
export function memoryWay(value: string | undefined): MemoryWay {
  if (value === undefined || value === '') return 'map';
  if (!WAYS.includes(value)) throw new RangeError(`FORGE_MEMORY is ${value}. It must be one of ${WAYS.join(', ')}.`);
  return value as MemoryWay;
}

/** Arrays below this travel in frames: a copy through a socket costs less than a mapping. */
export const LEND_BYTES = 2 ** 20;

/** Where a value goes, as far as memory is concerned. */
export interface Destination {
  /** Memory of this process can be read there. */
  readonly lends: boolean;
  /** It is told when what was sent there has arrived. @default false */
  readonly confirms?: boolean;
}

/** A snapshot in a segment, which each of `remaining` links takes over as it sends it. */
interface Snapshot {
  readonly reference: SegmentReference;
  readonly holder: object;
  remaining: number;
}

// One for ever: when V8 collects a registry that still has something to say, it never runs a finalizer again.
const unsent = new FinalizationRegistry<() => void>((drop) => drop());

/** What a process lends to others of its machine, and takes from them. */
export class ProcessMemory implements Snapshots {
  readonly #way: Exclude<MemoryWay, 'frames'>;
  readonly #options: Omit<SegmentPoolOptions, 'native'>;
  readonly #snapshots = new WeakMap<Uint8Array, Snapshot>();
  /** Where parts of payloads were written when they were sent. */
  readonly #shared = new WeakMap<Uint8Array, SegmentReference>();
  #pool: SegmentPool | undefined;
  #reader: SegmentReader | undefined;
  /** A segment that holds nothing, by which others find out whether they can read this process's memory. */
  #card: Segment | undefined;

  constructor(way: Exclude<MemoryWay, 'frames'>, options: Omit<SegmentPoolOptions, 'native'> = {}) {
    this.#way = way;
    this.#options = options;
  }

  /** What is lent; nothing is loaded or allocated before it is first used. */
  get pool(): SegmentPool {
    this.#pool ??= new SegmentPool({ ...this.#options, native: this.#native });
    return this.#pool;
  }

  /** What is taken. */
  get reader(): SegmentReader {
    this.#reader ??= new SegmentReader({ native: this.#native });
    return this.#reader;
  }

  /** Lets a link to a process of this machine lend memory, as soon as that process says that it can read it. */
  lendOver(opening: Opening): Opening {
    return LendingLink.around(opening, this);
  }

  /** Names a segment of this process that others can try to open; `undefined` where there are none. */
  get card(): SegmentReference | undefined {
    try {
      this.#card ??= new Segment(this.#options.directory ?? '/dev/shm', 0, undefined);
      return referenceTo(this.#card, 0, 0);
    } catch {
      return undefined; // No tmpfs, or none that lets this process write.
    }
  }

  /**
   * Takes a snapshot for `destinations`, each of which it is sent to at most once. What comes back stands for it in a
   * payload and holds nothing itself. `undefined`: take a snapshot that can be sent anywhere.
   */
  snapshot(bytes: Uint8Array, destinations: readonly Destination[]): Uint8Array | undefined {
    if (bytes.length < LEND_BYTES || !destinations.every(({ lends }) => lends)) return undefined;
    const holder = {};
    const reference = this.pool.lend(bytes, holder);
    if (reference === undefined) return undefined;
    const { lease } = reference;
    const stand = new Uint8Array(0);
    this.#snapshots.set(stand, { reference, holder, remaining: destinations.length });
    // A message to an actor that is lost is never sent.
    unsent.register(stand, () => this.pool.release(lease, holder));
    return stand;
  }

  settle(payload: Payload): Payload {
    const buffers = payload.buffers.map((buffer) => {
      const snapshot = this.#snapshots.get(buffer);
      if (snapshot === undefined) return buffer;
      const bytes = this.reader.read(snapshot.reference);
      this.#pass(snapshot);
      return bytes;
    });
    return { bytes: payload.bytes, buffers };
  }

  /** Lends part of a payload to `link`, which holds it until its other side releases it; `undefined`: send it in frames. */
  lend(bytes: Uint8Array, link: object): SegmentReference | undefined {
    const snapshot = this.#snapshots.get(bytes);
    if (snapshot !== undefined) {
      this.pool.hold(snapshot.reference.lease, link);
      this.#pass(snapshot);
      return snapshot.reference;
    }
    if (bytes.length < LEND_BYTES) return undefined;
    // Parts of payloads never change: who sends the same can share it as long as somebody holds it.
    let reference = this.#shared.get(bytes);
    if (reference !== undefined && this.pool.isHeld(reference.lease)) {
      this.pool.hold(reference.lease, link);
      return reference;
    }
    reference = this.pool.lend(bytes, link);
    if (reference !== undefined) this.#shared.set(bytes, reference);
    return reference;
  }

  /** One destination less needs it. */
  #pass(snapshot: Snapshot): void {
    if (--snapshot.remaining === 0) this.pool.release(snapshot.reference.lease, snapshot.holder);
  }

  get #native() {
    return this.#way === 'map' ? loadNative() : undefined;
  }
}
