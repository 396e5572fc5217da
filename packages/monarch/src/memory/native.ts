import { createRequire } from 'node:module';

/** Memory as the operating system gives it, which JavaScript alone cannot have. Absent where koffi does not load. */
export interface Native {
  /**
   * Memory that is the first `byteLength` bytes of a file: what is written to it is in the file. `populates` takes its pages
   * at once, which costs a quarter of taking them one by one when all of them are used.
   */
  mapFile(fd: number, byteLength: number, options?: { readonly populates?: boolean }): MappedFile;
  /**
   * Memory that starts as the bytes of a file and is its holder's own: writes stay private. Pages that were not written
   * keep showing the file, so the file must not change before this memory is collected or {@link detach}ed.
   */
  copyOnWrite(fd: number, offset: number, byteLength: number): ArrayBuffer;
  /** Empties memory of {@link copyOnWrite}: it is zeros from now on, and shows the file no more. */
  detach(memory: ArrayBuffer): void;
  /** Has memory that was not touched yet be taken in large pages, where the system has any. */
  useLargePages(memory: ArrayBuffer): void;
  /** Addresses, at most 4 GiB: zeros that no memory stands behind, until files are laid over them. It cannot be transferred. */
  reserve(byteLength: number): ArrayBuffer;
  /** Lays bytes of a file over reserved addresses; `at`, counted in bytes, and the offset are at a page. */
  overlay(memory: ArrayBuffer, at: number, file: FileRange): void;
  /** Takes away what was laid over reserved addresses: they are zeros again. `at` is at a page. */
  clear(memory: ArrayBuffer, at: number, byteLength: number): void;
}

/** Bytes of a file, and what becomes of writes to them. */
export interface FileRange {
  readonly fd: number;
  readonly offset: number;
  readonly byteLength: number;
  /** Writes are in the file; else they are private, and the file must not change meanwhile. @default false */
  readonly isShared?: boolean;
}

/** A file in memory. */
export interface MappedFile {
  readonly bytes: Uint8Array;
  /** `bytes` must not be touched afterwards. */
  unmap(): void;
}

/** Bytes of a page. A machine with larger ones refuses the mapping, and memory is read instead. */
export const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 2 ** 16;

// Source: asm-generic/mman.h; the same on every architecture that node has binaries for.
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_POPULATE = 0x8000;
const MADV_HUGEPAGE = 14;

/** What is used of WebAssembly, which the types of node do not have. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
declare const WebAssembly: {
  readonly Memory: new (limits: { readonly initial: number; readonly maximum: number }) => WasmMemory;
};

let loaded: { readonly native: Native | undefined } | undefined;

/** Loads koffi at the first call, 8 ms that only a process with large values spends. */
export function loadNative(): Native | undefined {
  loaded ??= { native: load() };
  return loaded.native;
}

function load(): Native | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi: typeof import('koffi')['default'] = createRequire(import.meta.url)('koffi');
    // Referred to by the functions below: koffi unloads what nothing refers to.
    const library = koffi.load(null);
    const mmap = library.func('void *mmap(void *address, size_t length, int prot, int flags, int fd, int64_t offset)');
    const munmap = library.func('int munmap(void *address, size_t length)');
    const madvise = library.func('int madvise(void *address, size_t length, int advice)');
    const map = (address: bigint | null, byteLength: number, flags: number, fd: number, offset: number): bigint => {
      const at: bigint = mmap(address, byteLength, PROT_READ_WRITE, flags, fd, offset);
      if (BigInt.asIntN(64, at) === -1n) throw new RangeError(`${byteLength} bytes cannot be mapped.`);
      return at;
    };
    // Of all ArrayBuffers only that of a WebAssembly memory may lie over foreign pages: it cannot be transferred, so its
    // end is the end of every view, and its pages are V8's own, unmapped with whatever was mapped over them.
    const reserve = (byteLength: number): ArrayBuffer => {
      const pages = Math.ceil(byteLength / WASM_PAGE_BYTES);
      return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
    };
    const addressIn = (memory: ArrayBuffer, at: number, byteLength: number): bigint => {
      checkWithin(memory, at, byteLength);
      return koffi.address(memory) + BigInt(at);
    };
    const overlay: Native['overlay'] = (memory, at, { fd, offset, byteLength, isShared = false }) => {
      const bytes = pagesOf(byteLength);
      map(addressIn(memory, at, bytes), bytes, (isShared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd, offset);
    };
    const clear: Native['clear'] = (memory, at, byteLength) => {
      const bytes = pagesOf(byteLength);
      map(addressIn(memory, at, bytes), bytes, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    };
    return {
      mapFile: (fd, byteLength, { populates = false } = {}) => {
        const address = map(null, byteLength, MAP_SHARED | (populates ? MAP_POPULATE : 0), fd, 0);
        const bytes = new Uint8Array(koffi.view(address, byteLength));
        return { bytes, unmap: () => munmap(address, byteLength) };
      },
      copyOnWrite: (fd, offset, byteLength) => {
        const memory = reserve(byteLength);
        overlay(memory, 0, { fd, offset, byteLength });
        return memory;
      },
      useLargePages: (memory) => {
        const page = BigInt(PAGE_BYTES);
        const address: bigint = koffi.address(memory);
        const [start, end] = [(address + page - 1n) / page, (address + BigInt(memory.byteLength)) / page];
        // Advice: where it cannot be taken, everything is as before.
        if (end > start) madvise(start * page, (end - start) * page, MADV_HUGEPAGE);
      },
      detach: (memory) => clear(memory, 0, memory.byteLength),
      reserve,
      overlay,
      clear,
    };
  } catch {
    return undefined; // Not installed, or no binary for this platform: segments are read and written as files.
  }
}

/** Whatever lies beside memory of ours must stay as it is. @throws {RangeError} */
function checkWithin(memory: ArrayBuffer, at: number, byteLength: number): void {
  if (at >= 0 && at % PAGE_BYTES === 0 && at + byteLength <= memory.byteLength) return;
  throw new RangeError(`${byteLength} bytes at ${at} are no pages of memory that has ${memory.byteLength} bytes.`);
}

/** `byteLength` rounded up to whole pages. */
export function pagesOf(byteLength: number): number {
  return Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES;
}
