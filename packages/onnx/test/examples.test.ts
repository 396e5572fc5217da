import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** What a program of `examples/` prints; it uses the package as it was built. */
async function output(name: string): Promise<readonly string[]> {
  const path = fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', path]);
  return stdout.trim().split('\n');
}

test('the example differentiates x · sin(y) + exp(x)', async () => {
  const [x, y] = [0.5, 2];
  const expected = [x * Math.sin(y) + Math.exp(x), Math.sin(y) + Math.exp(x), x * Math.cos(y)];
  expect(await output('differentiate')).toEqual(
    ['f', 'dx', 'dy'].map((name, i) => `${name} ${expected[i]!.toFixed(4)}`),
  );
});

test('the example network learns exclusive or', async () => {
  const losses = (await output('train')).map((line) => Number(line.split(' ').at(-1)));
  expect(losses).toHaveLength(5);
  expect(losses[0]).toBeGreaterThan(0.1);
  expect(losses[4]).toBeLessThan(0.002);
});
