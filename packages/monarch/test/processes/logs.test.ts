import { expect, onTestFinished, test } from 'vitest';
import { type SpawnProcsOptions, thisHost } from '../../src/index.ts';
import { allOf } from '../fixtures/all-of.ts';
import { Printer } from '../fixtures/printer.ts';
import { startProgram } from '../fixtures/start-program.ts';
import { until } from '../fixtures/until.ts';

async function printers<P extends Readonly<Record<string, number>>>(options: SpawnProcsOptions<P>) {
  const procs = await thisHost().spawnProcs({ logs: { print: false }, supervise: () => true, ...options });
  onTestFinished(async () => await procs.stop());
  return { procs, mesh: await procs.spawn('printers', Printer) };
}

test('lines come with the process, name, rank, stream and level; they end with the processes', async () => {
  const { procs, mesh } = await printers({ perHost: { worker: 2 }, name: 'workers' });
  const [all, second] = [procs.logs(), procs.slice({ worker: 1 }).logs({ level: 'error' })];
  await mesh.slice({ worker: 0 }).print.callOne('stdout', 'ready\n');
  await procs.flushLogs();
  await mesh.slice({ worker: 1 }).print.callOne('stderr', 'ERROR: broken\nnot closed');
  await procs.stop();
  const lines = await allOf(all);
  expect(lines).toMatchObject([
    { name: 'workers', rank: 0, stream: 'stdout', level: 'info', text: 'ready', count: 1, dropped: 0 },
    { name: 'workers', rank: 1, stream: 'stderr', level: 'error', text: 'ERROR: broken' },
    { name: 'workers', rank: 1, stream: 'stderr', level: 'warn', text: 'not closed' },
  ]);
  expect(new Set(lines.map(({ process }) => process)).size).toBe(2);
  for (const { time } of lines) expect(Math.abs(Date.now() - time)).toBeLessThan(60_000);
  expect(await allOf(second)).toEqual([lines[1]]);
});

test('nothing is lost of a process that prints much and ends at once', async () => {
  const { procs, mesh } = await printers({});
  const reader = allOf(procs.logs());
  await expect(mesh.exitAfter.callOne(10_000)).rejects.toMatchObject({
    process: { exitCode: 3, stderrTail: ['the end'] },
  });
  const lines = await reader;
  const printed = lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text);
  expect(printed).toEqual(Array.from({ length: 10_000 }, (_, i) => `line ${i}`));
});

test('lines of processes that an actor started arrive with their whole name, however those end', async () => {
  const { procs, mesh } = await printers({ perHost: { worker: 2 }, name: 'outer' });
  const reader = procs.slice({ worker: 1 }).logs();
  const one = mesh.slice({ worker: 1 });
  await one.printInside.callOne('inner', 'hello\n');
  await procs.flushLogs();
  expect((await reader.next()).value).toMatchObject({ name: 'outer/1/inner', rank: 0, text: 'hello' });
  await one.exitInside.callOne(500);
  await procs.flushLogs();
  await procs.stop();
  const lines = await allOf(reader);
  expect(lines.filter(({ text }) => text.startsWith('line '))).toHaveLength(500);
  expect(lines.at(-1)).toMatchObject({ name: 'outer/1/inner', stream: 'stderr', text: 'the end' });
});

test('a reader goes on where a process is started again', async () => {
  const { procs, mesh } = await printers({ restart: { max: 1, backoffMs: 0 } });
  const reader = procs.logs();
  await mesh.exitAfter.callOne(1).catch(() => {});
  await until(async () => {
    await mesh.print.callOne('stdout', 'again\n');
    return true;
  });
  await procs.flushLogs();
  const lines: string[] = [];
  for await (const { text } of reader) {
    lines.push(text);
    if (text === 'again') break;
  }
  expect(lines).toEqual(['line 0', 'the end', 'again']);
  const rest = allOf(procs.logs());
  await mesh.exitAfter.callOne(1).catch(() => {});
  // The last restart is used up.
  expect(await rest).toMatchObject([{ text: 'line 0' }, { text: 'the end' }]);
});

test('a flush waits for what was printed before, and any number may be under way', async () => {
  const { procs, mesh } = await printers({ perHost: { worker: 2 } });
  const reader = procs.logs();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { text } of reader) seen.push(text);
  })();
  for (let round = 0; round < 5; round++) {
    const flushes = Array.from({ length: 4 }, async () => {
      await mesh.print.call('stdout', `round ${round}\n`);
      await procs.flushLogs();
    });
    await Promise.all(flushes);
    await Promise.resolve();
    expect(seen.filter((text) => text === `round ${round}`)).toHaveLength(8);
  }
  const died = mesh.slice({ worker: 0 }).exitAfter.callOne(1);
  await Promise.all([procs.flushLogs(), procs.flushLogs(), died.catch(() => {})]);
  await procs.stop();
  await procs.flushLogs();
  await reading;
});

test('megabytes without a line break do no harm', async () => {
  const { procs, mesh } = await printers({});
  const reader = procs.logs();
  await mesh.garbage.callOne(3_000_000);
  await mesh.print.callOne('stdout', 'still here\n');
  await procs.stop();
  const lines = await allOf(reader);
  expect(lines.at(-1)?.text).toBe('still here');
  expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThanOrEqual(65_536);
});

test('a program that ends at once has printed all that it held', async () => {
  const { code, stdout } = await startProgram('hasty').ended();
  expect(code).toBe(7);
  expect(stdout.match(/^\[hasty\/0\] line \d+ x{10000}$/gm)).toHaveLength(500);
});

test('a program prints what it was told to, and all of it before it ends', async () => {
  const { stdout, stderr } = await startProgram('choosy').ended();
  const lines = stdout.split('\n');
  expect(lines.filter((text) => text.startsWith('[loud/0] line '))).toHaveLength(2_000);
  const others = lines.filter((text) => !text.startsWith('[loud/0] line '));
  expect(others).toEqual([expect.stringMatching(/^\[2 similar log lines\] \[apart\/[01]\] same$/)]);
  expect(stderr).toBe('[warned/0] ERROR: shown\n[loud/0] the end\n');
});
