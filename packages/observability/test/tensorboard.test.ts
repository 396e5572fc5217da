import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tensorBoardSink } from '../src/index.ts';
import { crc32c } from '../src/sinks/tensorboard/crc32c.ts';
import { encodeEvent } from '../src/sinks/tensorboard/event.ts';

test('the checksum is that of RFC 3720', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

// As Python's protobuf writes them: Event(wall_time=1.5, step=300, summary=Summary(value=[Summary.Value(tag='a/b', simple_value=0.25)])).
test('an event has the bytes that TensorFlow gives it', () => {
  expect(Buffer.from(encodeEvent({ wallTime: 1.5, step: 300, scalars: { 'a/b': 0.25 } })).toString('hex')).toBe(
    '09000000000000f83f10ac022a0c0a0a0a03612f62150000803e',
  );
  expect(Buffer.from(encodeEvent({ wallTime: 0.5, fileVersion: 'brain.Event:2' })).toString('hex')).toBe(
    '09000000000000e03f1a0d627261696e2e4576656e743a32',
  );
});

test('a file holds whole records, one a step, of the numbers alone', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-tensorboard-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const sink = tensorBoardSink(folder);
  sink.write({ step: 1, phase: 'grpo', 'reward/mean': 0.5, loss: Number.NaN });
  sink.write({ step: 2 ** 33, 'reward/mean': 0.75 });
  void sink.close?.();
  const [file] = readdirSync(folder);
  const bytes = readFileSync(path.join(folder, file!));
  const records: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    records.push(bytes.subarray(at + 12, at + 12 + length).toString('latin1'));
    at += length + 16;
  }
  expect(records).toHaveLength(3);
  expect(records[0]).toContain('brain.Event:2');
  expect(records[1]).toContain('reward/mean');
  expect(records[1]).not.toMatch(/phase|loss/);
});
