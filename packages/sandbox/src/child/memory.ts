/** What is used of the WebAssembly module of Pyodide. */
export interface WasmModule {
  /** All memory of the interpreter; another array after it has grown. */
  readonly HEAPU8: Uint8Array;
  /** The JavaScript value of a handle. @throws when there is none at this place. */
  readonly __hiwire_get: (handle: number) => unknown;
  readonly __hiwire_set: (handle: number, value: unknown) => number;
}

/** What is used of the memories of WebAssembly; the types of Node have none. */
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const PAGE_BYTES = 2 ** 16;

/** From now on no memory of this process grows beyond this; Python then gets a MemoryError. */
export function limitMemory(memoryBytes: number): void {
  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Memory: { prototype: Memory } } };
  const { prototype } = WebAssembly.Memory;
  const grow = prototype.grow;
  Object.defineProperty(prototype, 'grow', {
    value(this: Memory, pages: number): number {
      if (this.buffer.byteLength + pages * PAGE_BYTES > memoryBytes)
        throw new RangeError('the memory limit is reached');
      return grow.call(this, pages);
    },
    writable: false,
    configurable: false,
  });
}
