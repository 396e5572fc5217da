import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Runner } from '../../src/runner/runner.ts';
import { loadGolden } from '../golden-models.ts';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

test('slots that were outgrown are held by nobody, whatever numbers of rows were decoded in them', async () => {
  const { config, weights } = await loadGolden('qwen3_tied');
  await using runner = await Runner.open(config, weights, { threads: 1, prefixCaching: false });
  const numSlots = 64;
  const decode = async (numRows: number) =>
    runner.decode(Array.from({ length: numRows }, () => ({ nextId: 1, numTokens: 1 })));
  const numBytes = async () => {
    for (let time = 0; time < 3; time++) {
      gc();
      await nextTurn();
    }
    return process.memoryUsage().arrayBuffers;
  };
  const before = await numBytes();
  for (const [longest, numRows] of [
    [1024, 3],
    [2048, 2],
    [4096, 1],
  ] as const) {
    await runner.reserve({ numSlots, longest }, false);
    await decode(numRows);
  }
  const numKvBytes = runner.numKvBytes;
  expect(numKvBytes).toBeGreaterThan(2 ** 24);
  expect((await numBytes()) - before).toBeLessThan(1.2 * numKvBytes);
});
