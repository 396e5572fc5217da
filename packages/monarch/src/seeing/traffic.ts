import type { Payload } from '../wire/codec.ts';

/** What went one way between two processes: messages, and the bytes of their arguments and results. */
export class Traffic {
  messages = 0;
  bytes = 0;

  add({ bytes, buffers, snapshotBytes = 0 }: Payload): void {
    this.messages++;
    this.bytes += bytes.length + snapshotBytes;
    for (const buffer of buffers) this.bytes += buffer.length;
  }
}
