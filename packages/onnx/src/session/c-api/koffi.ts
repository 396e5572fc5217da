import { createRequire } from 'node:module';
import { sep } from 'node:path';

/** The foreign function interface. */
export type Koffi = typeof import('koffi')['default'];

/**
 * Stack of an asynchronous call. Koffi's own 128 KiB do not suffice: one panel of a float32 matrix product takes 64 KiB
 * of it and Eigen puts up to 128 KiB there. onnxruntime's own threads have 1 MiB on Windows and 8 MiB on Linux.
 */
const asyncStackBytes = 2 ** 21;

/**
 * koffi with a stack that onnxruntime can compute on. The size of the stack is settled when the first library is loaded;
 * where someone else did that before, this is a second instance of koffi that shares nothing with theirs.
 *
 * @throws when koffi is not installed, or has no binary for this platform.
 */
export async function loadKoffi(): Promise<Koffi> {
  const { default: koffi } = await import('koffi');
  return hasLargeStack(koffi) ? koffi : secondKoffi();
}

function hasLargeStack(koffi: Koffi): boolean {
  const hasIt = (): boolean => (koffi.config().async_stack_size ?? 0) >= asyncStackBytes;
  if (hasIt()) return true;
  try {
    koffi.config({ async_stack_size: asyncStackBytes });
  } catch {
    // A library is loaded already: the sizes are settled.
  }
  return hasIt();
}

function secondKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  const theirs = Object.entries(require.cache).filter(([path]) =>
    path.split(sep).some((part) => part.includes('koffi')),
  );
  for (const [path] of theirs) delete require.cache[path];
  try {
    const koffi: Koffi = require('koffi');
    koffi.config({ async_stack_size: asyncStackBytes });
    return koffi;
  } finally {
    for (const [path, module] of theirs) require.cache[path] = module;
  }
}
