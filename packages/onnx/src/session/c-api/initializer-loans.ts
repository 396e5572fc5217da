import { apiVersion, type Pointer } from './functions.ts';
import type { Koffi } from './koffi.ts';

/** Called when onnxruntime gives the memory at an address back. */
export type OnReturned = (address: Pointer) => void;

/** `struct OrtAllocator` up to the functions of version 22: its version, Alloc, Free, Info, Reserve. */
const ALLOCATOR_WORDS = 16;

/**
 * Memory that is lent to onnxruntime, which says when it needs it no more. To onnxruntime it is an allocator that frees
 * and never allocates. It calls from any of its threads, and waits until the event loop has answered: nothing may keep the
 * event loop waiting for onnxruntime meanwhile.
 */
export class InitializerLoans {
  readonly #functions: BigUint64Array;
  /** By the address of their allocators, which are alive as long as they are here. */
  readonly #lenders = new Map<Pointer, { readonly allocator: BigUint64Array; readonly onReturned: OnReturned }>();
  readonly #koffi: Koffi;

  /** @param memory - `OrtMemoryInfo` of what is lent. */
  constructor(koffi: Koffi, memory: Pointer) {
    this.#koffi = koffi;
    const register = (callback: (...args: Pointer[]) => unknown, result: string, parameters: string[]): Pointer =>
      koffi.register(callback, koffi.pointer(koffi.proto(result, parameters)));
    this.#functions = BigUint64Array.of(
      BigInt(apiVersion),
      register(() => null, 'void *', ['void *', 'size_t']),
      register((allocator, address) => this.#lenders.get(allocator!)?.onReturned(address!), 'void', [
        'void *',
        'void *',
      ]),
      register(() => memory, 'void *', ['void *']),
    );
  }

  /** An allocator whose memory comes back to `onReturned`; until {@link end}. */
  begin(onReturned: OnReturned): Pointer {
    const allocator = new BigUint64Array(ALLOCATOR_WORDS);
    allocator.set(this.#functions);
    const address = this.#koffi.address(allocator.buffer);
    this.#lenders.set(address, { allocator, onReturned });
    return address;
  }

  /** All memory of this allocator has come back. */
  end(allocator: Pointer): void {
    this.#lenders.delete(allocator);
  }
}
