import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cast, type DType, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSafetensors } from '../src/safetensors/read.ts';
import { writeSafetensors } from '../src/safetensors/write.ts';
import { prepareSafetensors, writeSafetensorsRows } from '../src/safetensors/write-rows.ts';
import { temporaryFolder } from './temporary-folder.ts';

const shapes = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 4,
});
const dtypes = fc.constantFrom<DType>('float32', 'bfloat16');

test('rows that several writers write where they belong are the bytes of one writer, and are read again', async () => {
  const folder = await temporaryFolder();
  const [whole, together] = ['whole', 'together'].map((name) => join(folder, name)) as [string, string];
  await fc.assert(
    fc.asyncProperty(shapes, dtypes, fc.integer({ min: 1, max: 3 }), async (each, dtype, numWriters) => {
      const tensors = Object.fromEntries(
        each.map((shape, i) => {
          const numbers = tensor('float32', shape);
          for (let at = 0; at < numbers.data.length; at++) numbers.data[at] = i + at / 8;
          return [`t${i}`, numbers];
        }),
      );
      await writeSafetensors(whole, tensors, { dtype });
      await prepareSafetensors(together, tensors, { dtype });
      const shareOf = (writer: number) =>
        Object.entries(tensors).flatMap(([name, { shape, data }]) => {
          const [numRows = 1, ...ofRow] = shape;
          const [firstRow, end] = [writer, writer + 1].map((w) => Math.floor((w * numRows) / numWriters)) as [
            number,
            number,
          ];
          const width = data.length / numRows;
          const rows = tensor('float32', [end - firstRow, ...ofRow], data.subarray(firstRow * width, end * width));
          return end > firstRow ? [{ name, firstRow, rows }] : [];
        });
      const writers = Array.from({ length: numWriters }, (_, writer) => writer);
      await Promise.all(writers.map((writer) => writeSafetensorsRows(together, shareOf(writer))));
      expect(await readFile(together)).toEqual(await readFile(whole));
      await using file = await openSafetensors(together);
      for (const writer of writers) {
        for (const { name, firstRow, rows } of shareOf(writer)) {
          const read = tensor('float32', rows.shape);
          await file.readRows({ name, firstRow, rows: read });
          expect(read).toEqual(cast(cast(rows, dtype), 'float32'));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('rows that a tensor does not have are neither written nor read', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'some');
  await prepareSafetensors(file, { t: tensor('float32', [3, 2]) });
  const before = await readFile(file);
  await using opened = await openSafetensors(file);
  for (const [name, firstRow, shape] of [
    ['t', 2, [2, 2]],
    ['t', 0, [1, 3]],
    ['u', 0, [1, 2]],
  ] as const) {
    const wanted = { name, firstRow, rows: tensor('float32', shape) };
    await expect(writeSafetensorsRows(file, [wanted])).rejects.toMatchObject({ code: 'ERR_MODELS_SAFETENSORS' });
    await expect(opened.readRows(wanted)).rejects.toMatchObject({ code: 'ERR_MODELS_SAFETENSORS' });
  }
  expect(await readFile(file)).toEqual(before);
});
