import { readFile } from 'node:fs/promises';
import type { Advise } from './advise.ts';
import { allocatedMappings, type Mapping, withoutMappings } from './mappings.ts';

/** Fewer bytes are read from the processor's caches, mostly. */
const LEAST_BYTES = 2 ** 26;

/** Smaller mappings are stacks of threads and the like. */
const LEAST_MAPPING_BYTES = 2n ** 24n;

/**
 * Does what allocates about so many bytes that are read again and again, and puts what is new in memory then on pages of
 * 2 MiB. A product of few rows takes as long as its weight is read from memory: a quarter less with such pages, which Linux
 * gives in most places only to those who ask.
 */
export async function onHugePages<Result>(
  numBytes: number,
  advise: Advise | undefined,
  allocate: () => Promise<Result>,
): Promise<Result> {
  if (advise === undefined || numBytes < LEAST_BYTES) return allocate();
  const before = await mappings();
  const result = await allocate();
  for (const { start, end } of withoutMappings(await mappings(), before)) {
    if (end - start >= LEAST_MAPPING_BYTES) await advise(start, end - start);
  }
  return result;
}

async function mappings(): Promise<readonly Mapping[]> {
  return allocatedMappings(await readFile('/proc/self/maps', 'utf8').catch(() => ''));
}
