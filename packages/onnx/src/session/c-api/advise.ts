import type { Koffi } from './koffi.ts';

/** Which pages memory should lie on, off the event loop. It is advice: where it cannot be taken, everything is as before. */
export type Advise = (start: bigint, byteLength: bigint) => Promise<void>;

// Source: Linux `asm-generic/mman-common.h`. Kernels before 6.1 know the first alone, and follow it in the course of minutes.
const MADV_HUGEPAGE = 14;
const MADV_COLLAPSE = 25;

/** Asks the kernel for pages of 2 MiB, at once; `undefined` where there is none that is asked. */
export function adviseHugePages(koffi: Koffi): Advise | undefined {
  if (process.platform !== 'linux') return undefined;
  const madvise = koffi.load(null).func('int madvise(void *address, size_t length, int advice)');
  return async (start, byteLength) => {
    for (const advice of [MADV_HUGEPAGE, MADV_COLLAPSE]) {
      await new Promise<void>((resolve) => madvise.async(start, byteLength, advice, () => resolve()));
    }
  };
}
