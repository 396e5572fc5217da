import { loadNative } from './native.ts';

/** From here on memory is taken in large pages: to take 64 MiB in small ones costs 40 ms, and to copy them 10. */
export const LARGE_BYTES: number = 4 * 2 ** 20;
/**
 * Above this it is taken in small ones again, which is slower and more even: each large page is cleared at once, and holds
 * the event loop for a millisecond or more where a virtual machine had given it back to its host. While 1 GiB arrives in
 * them, small calls wait for 8 ms instead of 3 (p99).
 */
const MAX_BYTES = 128 * 2 ** 20;

/**
 * Memory of its own, whose bytes are anything: for whoever writes all of them before anybody reads them. `totalBytes` are
 * those of everything that is taken together with it.
 */
export function freshBytes(byteLength: number, totalBytes: number = byteLength): Uint8Array<ArrayBuffer> {
  // Not of the pool of buffers: a small view must not keep, or show, memory of others.
  const { buffer } = Buffer.allocUnsafeSlow(byteLength);
  if (byteLength >= LARGE_BYTES && totalBytes <= MAX_BYTES) loadNative()?.useLargePages(buffer);
  return new Uint8Array(buffer);
}

/** A copy of some bytes, in memory of its own. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length < LARGE_BYTES) return new Uint8Array(bytes);
  const copy = freshBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
