import { expect, test } from 'vitest';
import { profileTable } from '../../src/index.ts';
import { operatorTimes } from '../../src/session/operator-time.ts';

/** An event as onnxruntime 1.30 writes it. */
function event(op_name: string, dur: number, [left, right]: readonly number[][] = [], result: readonly number[] = []) {
  const args = {
    op_name,
    input_type_shape: [{ float: left ?? [] }, { float: right ?? [] }],
    output_type_shape: [{ float: result }],
  };
  return { cat: 'Node', name: `/${op_name}_0_kernel_time`, dur, args };
}

const times = operatorTimes([
  event(
    'MatMul',
    1_000,
    [
      [4, 128, 64],
      [64, 32],
    ],
    [4, 128, 32],
  ),
  event(
    'FusedMatMul',
    500,
    [
      [64, 128],
      [32, 64],
    ],
    [128, 32],
  ), // both transposed
  event(
    'FusedMatMul',
    500,
    [
      [128, 64],
      [64, 32],
    ],
    [128, 32],
  ),
  event('Exp', 6_000, [[4]], [4]),
  { ...event('Exp', 99), name: '/Exp_0_fence_before' },
  { ...event('model_run', 99), cat: 'Session' },
]);

test('operators are ordered by their time, and only products are counted', () => {
  expect(times.map(({ operator, calls, totalMs, share }) => ({ operator, calls, totalMs, share }))).toEqual([
    { operator: 'Exp', calls: 1, totalMs: 6, share: 0.75 },
    { operator: 'MatMul', calls: 1, totalMs: 1, share: 0.125 },
    { operator: 'FusedMatMul', calls: 2, totalMs: 1, share: 0.125 },
  ]);
  const operations = 2 * 128 * 64 * 32;
  expect(times.map(({ gflops }) => gflops)).toEqual([undefined, (4 * operations) / 1e6, (2 * operations) / 1e6]);
});

test('the table has one line an operator, with figures in columns', () => {
  expect(profileTable(times).split('\n')).toEqual([
    'operator     calls  total ms   share  GFLOP/s',
    'Exp              1      6.00  75.0 %',
    'MatMul           1      1.00  12.5 %      2.1',
    'FusedMatMul      2      1.00  12.5 %      1.0',
  ]);
});
