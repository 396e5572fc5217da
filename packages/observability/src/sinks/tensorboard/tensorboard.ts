import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Sink } from '../../metric-logger.ts';
import { crc32c } from './crc32c.ts';
import { encodeEvent } from './event.ts';

/**
 * Writes records as an event file of TensorBoard: `tensorboard --logdir <folder>` shows them as scalars. Each record is
 * written at once. Text, and numbers that are none, are left out.
 *
 * @param folder - gets one file, `events.out.tfevents.…`; a run that goes on adds another.
 */
export function tensorBoardSink(folder: string): Sink {
  mkdirSync(folder, { recursive: true });
  const wallTime = Date.now() / 1_000;
  const name = `events.out.tfevents.${Math.floor(wallTime)}.${hostname()}.${process.pid}.${counter++}`;
  const file = openSync(path.join(folder, name), 'ax');
  writeSync(file, frame(encodeEvent({ wallTime, fileVersion: 'brain.Event:2' })));
  return {
    write: ({ step, ...rest }) => {
      const numbers = Object.entries(rest).filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
      const scalars = Object.fromEntries(numbers);
      writeSync(file, frame(encodeEvent({ wallTime: Date.now() / 1_000, step, scalars })));
    },
    close: () => closeSync(file),
  };
}

/** Several may be opened within a second. */
let counter = 0;

/** A record with its length and the checksums of both. Source: tensorflow `core/lib/io/record_writer.h`. */
function frame(record: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + record.length + 4);
  bytes.writeBigUInt64LE(BigInt(record.length));
  bytes.writeUInt32LE(masked(crc32c(bytes.subarray(0, 8))), 8);
  bytes.set(record, 12);
  bytes.writeUInt32LE(masked(crc32c(record)), 12 + record.length);
  return bytes;
}

/** A checksum that may stand beside what it is of. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
