import { expect, test } from 'vitest';
import { SandboxedPythonCoder } from '../src/index.ts';

test('coders of a service execute code', async () => {
  await using coder = await SandboxedPythonCoder.options({ procs: 1, numReplicas: 1 }).asService({ processes: 1 });
  const { stdout, stderr } = await coder.execute.route('print(6 * 7)');
  expect({ stdout, stderr }).toEqual({ stdout: '42\n', stderr: '' });
  const results = await Promise.all([1, 2, 3, 4].map((n) => coder.execute.route(`${n} ** 2`)));
  expect(results.map(({ result }) => result)).toEqual(['1', '4', '9', '16']);
});
