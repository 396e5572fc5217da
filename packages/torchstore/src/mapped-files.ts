import { fstatSync, statfsSync } from 'node:fs';
import { loadNative } from '@forge/monarch/memory';

/** How long a mapping stays that nobody uses: it keeps the memory of a file that was removed. */
const idleMs = 10_000;
/** Mappings at a time; the system has a limit for each process. */
const maxMappings = 4096;
const bytesPerBlock = 512n;
/** Source: linux/magic.h. */
const tmpfsMagic = 0x01021994;

interface Mapping {
  readonly bytes: Uint8Array;
  readonly unmap: () => void;
  users: number;
  usedMs: number;
}

/** A file as memory, until it is disposed. */
export interface MappedBytes extends Disposable {
  readonly bytes: Uint8Array;
}

/** Whether a folder lies in memory: elsewhere a page may fail to be read, which ends a process that has it mapped. */
export function isInMemory(directory: string): boolean {
  try {
    return statfsSync(directory).type === tmpfsMagic;
  } catch {
    return false;
  }
}

/**
 * Files of this process as memory. Mappings stay for a while: the pages of a file that is used again are there already.
 * A file is mapped only when all its pages exist, and is never made shorter: so no access can fail.
 */
class MappedFiles {
  readonly #mappings = new Map<string, Mapping>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * Maps an open file, whole, to read and write; undefined where that cannot be done or is not safe.
   * @param populates nearly all of it will be written
   */
  open(descriptor: number, { populates = false }: { readonly populates?: boolean } = {}): MappedBytes | undefined {
    const native = loadNative();
    if (native === undefined) return undefined;
    const { dev, ino, size, blocks } = fstatSync(descriptor, { bigint: true });
    if (size === 0n || blocks * bytesPerBlock < size) return undefined;
    const id = `${dev}:${ino}`; // its own as long as it is mapped
    let mapping = this.#mappings.get(id);
    if (mapping?.bytes.length !== Number(size)) {
      // A file that has grown; who still uses the old mapping keeps it.
      if (mapping?.users === 0) mapping.unmap();
      else if (mapping !== undefined) return undefined;
      this.#mappings.delete(id);
      if (this.#mappings.size >= maxMappings) this.unmapIdle();
      try {
        mapping = { ...native.mapFile(descriptor, Number(size), { populates }), users: 0, usedMs: 0 };
      } catch {
        return undefined; // no addresses left, or the file may not be written
      }
      this.#mappings.set(id, mapping);
    }
    const own = mapping;
    own.users += 1;
    this.#timer ??= setInterval(() => this.#sweep(), idleMs / 2).unref();
    return {
      bytes: own.bytes,
      [Symbol.dispose]() {
        own.users -= 1;
        own.usedMs = performance.now();
      },
    };
  }

  /** Ends all mappings that are not in use. */
  unmapIdle(untilMs = Number.POSITIVE_INFINITY): void {
    for (const [id, { users, usedMs, unmap }] of this.#mappings) {
      if (users > 0 || usedMs > untilMs) continue;
      this.#mappings.delete(id);
      unmap();
    }
  }

  #sweep(): void {
    this.unmapIdle(performance.now() - idleMs);
    if (this.#mappings.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** The mappings of this process: all its stores share them. */
export const mappedFiles = new MappedFiles();
