import { BufferBoundsError, BufferDroppedError } from '../errors.ts';
import type { AgentMethods } from '../process/agent-method.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { bytesOf } from '../wire/views.ts';

/** The memory of one process that others read and write. */
export class Exports {
  readonly #process: LocalProcess;
  readonly #exported = new Map<number, { readonly view: ArrayBufferView; readonly onDrop: () => void }>();

  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** How many there are. */
  get size(): number {
    return this.#exported.size;
  }

  /** The number by which others name it from now on. */
  add(view: ArrayBufferView, onDrop: () => void): number {
    const number = this.#process.count();
    this.#exported.set(number, { view, onDrop });
    return number;
  }

  /** Forgets it, if it is still there. */
  drop(number: number): void {
    this.#exported.get(number)?.onDrop();
    this.#exported.delete(number);
  }

  /** A part of it, in place. @throws {BufferDroppedError | BufferBoundsError} */
  part(number: number, offset: number, byteLength: number): Uint8Array {
    const view = this.#exported.get(number)?.view;
    if (view === undefined) throw new BufferDroppedError(this.#process.id, 'it was dropped, or its owner has stopped.');
    if (isDetached(view)) throw new BufferDroppedError(this.#process.id, 'its memory was transferred elsewhere.');
    checkRange({ offset, byteLength, available: view.byteLength, what: 'the remote buffer' });
    return bytesOf(view).subarray(offset, offset + byteLength);
  }
}

/** What a process does for holders of its RemoteBuffers. The senders are in remote-buffer.ts. */
export const BUFFER_METHODS = {
  readBuffer: ({ exports }, _, [number, offset, byteLength]) =>
    exports.part(Number(number), Number(offset), Number(byteLength)),
  writeBuffer: ({ exports, memory }, _, [number, offset, bytes]) => {
    if (!(bytes instanceof Uint8Array)) throw new BufferBoundsError('What is to be written is no bytes.');
    exports.part(Number(number), Number(offset), bytes.length).set(bytes);
    memory?.reader.giveBack(bytes);
  },
  dropBuffer: ({ exports }, _, [number]) => exports.drop(Number(number)),
} satisfies AgentMethods;

/** A range of some memory. */
export interface Range {
  readonly offset: number;
  readonly byteLength: number;
  /** Bytes of the whole. */
  readonly available: number;
  /** The memory, in words. */
  readonly what: string;
}

/** @throws {BufferBoundsError} when it does not lie within. */
export function checkRange({ offset, byteLength, available, what }: Range): void {
  for (const [name, value] of Object.entries({ offset, byteLength })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new BufferBoundsError(`The ${name} ${value} in ${what} must be a whole number of bytes, 0 or more.`);
  }
  if (offset + byteLength <= available) return;
  throw new BufferBoundsError(`${byteLength} bytes from byte ${offset} on do not fit ${what}: it has ${available}.`);
}

function isDetached({ buffer }: ArrayBufferView): boolean {
  return buffer instanceof ArrayBuffer && buffer.detached;
}

/** The bytes of memory of the user. @throws {BufferBoundsError} when it is shared, or not there any more. */
export function ownBytes(view: ArrayBufferView, what: string): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(view)) throw new BufferBoundsError(`${what} is no typed array.`);
  const { buffer, byteOffset, byteLength } = view;
  if (!(buffer instanceof ArrayBuffer)) throw new BufferBoundsError(`${what} is shared memory. Use memory of its own.`);
  if (buffer.detached) throw new BufferBoundsError(`${what} was transferred elsewhere.`);
  return new Uint8Array(buffer, byteOffset, byteLength);
}
