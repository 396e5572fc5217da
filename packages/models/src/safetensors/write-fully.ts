import type { FileHandle } from 'node:fs/promises';

/** Writes all of some bytes. @param position - where in the file. @default after what was written last */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    const { bytesWritten } = await handle.write(bytes, done, null, at);
    done += bytesWritten;
  }
}
