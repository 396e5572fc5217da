import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(path.join(tmpdir(), 'forge-program-'));
afterAll(() => rmSync(folder, { recursive: true }));
const example = path.resolve(import.meta.dirname, '../examples/pi.ts');

interface End {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The example of the README, with these arguments; `use` gets it while it runs. */
async function run(args: readonly string[], use?: (child: ChildProcess) => Promise<unknown>): Promise<End> {
  const child = spawn(process.execPath, [example, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const closed = once(child, 'close') as Promise<[number | null]>;
  await use?.(child);
  const [[code], [stdout, stderr]] = await Promise.all([closed, output]);
  return { code, stdout, stderr };
}

/** The lines of a run, without the time. */
const metrics = (name: string) =>
  readFileSync(path.join(folder, 'runs', name, 'metrics.jsonl'), 'utf8').replaceAll(/"wallSeconds":[\d.]+/g, '');

test('the README shows the example', () => {
  const readme = readFileSync(path.resolve(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(readFileSync(example, 'utf8').trim());
});

test('a program comes to its end, and leaves settings, metrics, curves and what it ran on', async () => {
  const { code, stdout, stderr } = await run(['run.name=whole', 'points.steps=60']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^points +█{20} 60\/60 {2}pi 3\.\d{5} .*\n60 steps in runs\/whole\n$/m);
  for (const file of ['config.yaml', 'metrics.jsonl', 'curves.svg', 'run.json']) {
    expect(existsSync(path.join(folder, 'runs/whole', file)), file).toBe(true);
  }
  expect(await run(['run.name=whole'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('holds a run already'),
  });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it in order, with exit code %i; it goes on where its checkpoint is', async (signal, code) => {
  const args = [`run.name=${signal}`, 'checkpoint.every=10'];
  const stopped = await run([...args, 'points.steps=1000000'], async (child) => {
    await once(child.stdout!, 'data'); // it is piped
    child.kill(signal);
  });
  expect(stopped).toMatchObject({ code, stdout: expect.stringMatching(/\d+ steps in /) });
  const steps = metrics(signal).split('\n').length + 5;
  const resumed = await run([...args, 'run.resume=latest', `points.steps=${steps}`]);
  expect(resumed).toMatchObject({ code: 0, stdout: expect.stringContaining('Changed: points.steps: 1000000') });
  await run([`run.name=${signal}-whole`, `points.steps=${steps}`]);
  expect(metrics(signal)).toBe(metrics(`${signal}-whole`));
});

test('a mistake ends it with exit code 2 before it has made anything', async () => {
  const refused = await run(['point.steps=3', 'run.seed=x', 'run.name=never']);
  expect(refused).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'override "run.seed=x": run.seed must be an integer from 0, got "x".\n' +
      'override "point.steps=3": point is not a key; did you mean points?\n',
  });
  expect(existsSync(path.join(folder, 'runs/never'))).toBe(false);
});

test('--help tells usage and settings, and of a topic its settings alone', async () => {
  const [all, topic] = await Promise.all([run(['--help']), run(['--help', 'points'])]);
  expect(all).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Estimates pi.*run\.seed +1 /s) });
  expect(topic.stdout).toBe('  points.steps  100  a thousand points each\n');
});
