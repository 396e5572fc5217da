import { FRAME } from './frames.ts';
import { LockedProcess } from './locked-process.ts';

/** More than the memory of a Python that has just started. */
const MAX_IMAGE_BYTES = 256 * 2 ** 20;
/** Many times what it takes. */
const MAX_CPU_SECONDS = 120;

let made: Promise<Uint8Array> | undefined;

/**
 * The memory of a Python that has just started; made once in a program, in a process of its own.
 *
 * @throws {SandboxStartError} when that process does not start; the next call tries again.
 */
export function image(): Promise<Uint8Array> {
  made ??= make().catch((error: unknown) => {
    made = undefined;
    throw error;
  });
  return made;
}

async function make(): Promise<Uint8Array> {
  const process = new LockedProcess('image', [], { maxPayloadBytes: MAX_IMAGE_BYTES, maxCpuSeconds: MAX_CPU_SECONDS });
  const { payload } = await process.receiveFirst(FRAME.image);
  await process.kill();
  return payload;
}
