import {
  ActorError,
  BufferBoundsError,
  BufferDroppedError,
  CallAbortedError,
  DecodeError,
  OptionError,
} from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { AgentMethodName } from '../process/agent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { isProcessId } from '../process/process-id.ts';
import { answerOf } from '../process/unary-call.ts';
import { currentOwner, program } from '../program/current-program.ts';
import { Heading } from '../wire/heading.ts';
import { makeReferable } from '../wire/referable.ts';
import { checkRange, ownBytes } from './exports.ts';

/** Options of reading and writing a {@link RemoteBuffer}. */
export interface RemoteTransferOptions {
  /** First byte in the remote buffer. @default 0 */
  readonly offset?: number;
  /** Time for all of it. @default 60 s */
  readonly timeoutMs?: number;
  /** Ends it; what was moved by then stays. */
  readonly signal?: AbortSignal;
}

/** Options of {@link RemoteBuffer.readInto}. */
export interface ReadIntoOptions extends RemoteTransferOptions {
  /** First byte in the destination. @default 0 */
  readonly dstOffset?: number;
  /** How many are read. @default all from `offset` on */
  readonly byteLength?: number;
}

const TIMEOUT_MS = 60_000;
const POINT = extentOf({}).point(0);
/** Bytes of a part, and how many are on their way: a mapping costs up to 3 ms, a frame next to nothing. */
const PARTS = {
  local: { partBytes: Number.POSITIVE_INFINITY, parts: 1 },
  tmpfs: { partBytes: 16 * 2 ** 20, parts: 3 },
  frames: { partBytes: 2 ** 20, parts: 8 },
} as const;

interface Limits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

type MovePart = (from: number, length: number, limits: Limits) => Promise<void>;

/** How bytes come from where a buffer is: within one process, as memory of one machine, or in frames. */
export type RemoteBackend = 'local' | 'tmpfs' | 'frames';

/**
 * Memory of some process of the program, which every holder of this handle can read and write. The handle may be an
 * argument, a result, or a field of either. Bounds are checked before a byte moves. Whether anybody changes bytes while
 * they are moved is up to the users: nothing is locked.
 */
export interface RemoteBuffer extends AsyncDisposable {
  readonly byteLength: number;
  /** The process whose memory it is. It ends with it, and with the actor that exported it. */
  readonly process: string;
  readonly backend: RemoteBackend;
  /**
   * Copies bytes from there into `dst`.
   *
   * @throws {BufferBoundsError} when they do not fit.
   * @throws {BufferDroppedError | MeshFailure} when it is no more, or its process is not.
   * @throws {CallTimeoutError | CallAbortedError} `dst` is then filled in part.
   */
  readInto(dst: ArrayBufferView, options?: ReadIntoOptions): Promise<void>;
  /** Copies all of `src` to there, otherwise like {@link readInto}. */
  writeFrom(src: ArrayBufferView, options?: RemoteTransferOptions): Promise<void>;
  /** Ends it for all holders; the memory itself stays with whoever exported it. */
  drop(): Promise<void>;
}

/** A buffer as it travels in messages. */
export interface BufferReference {
  readonly process: string;
  readonly number: number;
  readonly byteLength: number;
}

/**
 * Lets other processes read and write memory of this one, where it is. It belongs to the running actor, or to the
 * program, and ends with it.
 *
 * @throws {BufferBoundsError} when there are no bytes, or they are shared memory.
 */
export function exportBuffer(view: ArrayBufferView): RemoteBuffer {
  const { byteLength } = ownBytes(view, 'What is to be exported');
  if (byteLength === 0) throw new BufferBoundsError('A buffer without bytes cannot be exported.');
  const owner = currentOwner('exportBuffer');
  const { process } = program();
  const number = process.exports.add(view, () => void owner.owned.delete(owned));
  const owned = { stop: async () => process.exports.drop(number) };
  owner.owned.add(owned);
  return remoteBuffer(process, { process: process.id, number, byteLength });
}

/** A handle on the buffer of a reference, for use in `process`. */
export function remoteBuffer(process: LocalProcess, reference: BufferReference): RemoteBuffer {
  const handle = new BufferHandle(process, reference);
  return makeReferable(handle, () => ({ kind: 'buffer', data: { ...reference } }));
}

/** Checks what came in a message. @throws {DecodeError} */
export function bufferReference(value: unknown): BufferReference {
  // Every field that is used is checked below.
  const { process, number, byteLength } = value as BufferReference;
  const isCount = (count: unknown) => Number.isSafeInteger(count) && Number(count) > 0;
  if (typeof process !== 'string' || !isProcessId(process) || !isCount(number) || !isCount(byteLength)) {
    throw new DecodeError('a reference to a buffer is damaged.');
  }
  return { process, number, byteLength };
}

class BufferHandle implements RemoteBuffer {
  readonly byteLength: number;
  readonly process: string;
  readonly #number: number;
  readonly #home: LocalProcess;

  constructor(home: LocalProcess, { process, number, byteLength }: BufferReference) {
    this.byteLength = byteLength;
    this.process = process;
    this.#number = number;
    this.#home = home;
  }

  get backend(): RemoteBackend {
    if (this.process === this.#home.id) return 'local';
    return this.#target.peer.lends ? 'tmpfs' : 'frames';
  }

  async readInto(dst: ArrayBufferView, options: ReadIntoOptions = {}): Promise<void> {
    const { offset = 0, dstOffset = 0, byteLength = Math.max(this.byteLength - offset, 0) } = options;
    this.#check(offset, byteLength, options);
    const target = ownBytes(dst, 'The destination');
    checkRange({ offset: dstOffset, byteLength, available: target.length, what: 'the destination' });
    const into = target.subarray(dstOffset, dstOffset + byteLength);
    if (this.backend === 'local') {
      into.set(this.#home.exports.part(this.#number, offset, byteLength));
      return;
    }
    await this.#move(byteLength, options, async (from, length, limits) => {
      const bytes = await this.#ask('readBuffer', [this.#number, offset + from, length], limits);
      if (!(bytes instanceof Uint8Array) || bytes.length !== length)
        throw new DecodeError('other bytes came than asked.');
      into.set(bytes, from);
      this.#home.memory?.reader.giveBack(bytes);
    });
  }

  async writeFrom(src: ArrayBufferView, options: RemoteTransferOptions = {}): Promise<void> {
    const { offset = 0 } = options;
    const source = ownBytes(src, 'The source');
    this.#check(offset, source.length, options);
    if (this.backend === 'local') {
      this.#home.exports.part(this.#number, offset, source.length).set(source);
      return;
    }
    await this.#move(source.length, options, async (from, length, limits) => {
      await this.#ask('writeBuffer', [this.#number, offset + from, source.subarray(from, from + length)], limits);
    });
  }

  async drop(): Promise<void> {
    if (this.backend === 'local') this.#home.exports.drop(this.#number);
    else await this.#ask('dropBuffer', [this.#number], { timeoutMs: TIMEOUT_MS });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }

  get #target() {
    return this.#home.exchange.target(this.process, 0);
  }

  #check(offset: number, byteLength: number, { timeoutMs = TIMEOUT_MS, signal }: RemoteTransferOptions): void {
    if (!(timeoutMs > 0)) throw new OptionError('timeoutMs', `timeoutMs is ${timeoutMs}. It must be positive.`);
    if (signal?.aborted) throw new CallAbortedError('a remote buffer', 'transfer', signal.reason);
    checkRange({ offset, byteLength, available: this.byteLength, what: 'the remote buffer' });
  }

  /** Moves all bytes in parts, a few at a time: so neither side waits for the other, and memory is bounded. */
  async #move(byteLength: number, options: RemoteTransferOptions, move: MovePart): Promise<void> {
    const { timeoutMs = TIMEOUT_MS, signal } = options;
    const { clock } = this.#home;
    const untilMs = clock.now() + timeoutMs;
    const failed = new AbortController();
    const signals = signal === undefined ? [failed.signal] : [failed.signal, signal];
    const limits = { signal: AbortSignal.any(signals) };
    const { partBytes, parts } = PARTS[this.backend];
    let next = 0;
    const lane = async () => {
      while (next < byteLength && !failed.signal.aborted) {
        const from = next;
        next = Math.min(from + partBytes, byteLength);
        await move(from, next - from, { ...limits, timeoutMs: Math.max(untilMs - clock.now(), 1) });
      }
    };
    const lanes = Array.from({ length: parts }, async () => {
      await lane().catch((error: unknown) => failed.abort(error));
    });
    // Nothing is moved any more when this returns.
    await Promise.all(lanes);
    if (failed.signal.aborted) throw failed.signal.reason;
  }

  async #ask(method: AgentMethodName, args: readonly unknown[], limits: Limits): Promise<unknown> {
    const target = this.#target;
    const member = { target, mesh: 'a remote buffer', point: POINT };
    const payload = this.#home.encode(args, { to: [target.current.peer] });
    const heading = new Heading(method, POINT.extent);
    try {
      return await answerOf(this.#home, member, { heading, rank: POINT.rank, payload, ...limits });
    } catch (error) {
      const cause = error instanceof ActorError ? error.cause : undefined;
      throw cause instanceof BufferBoundsError || cause instanceof BufferDroppedError ? cause : error;
    }
  }
}
