import { readFileSync } from 'node:fs';
import path from 'node:path';
import { canSeeProcesses, type RunningProgram, until } from '@forge/run/testing';
import { describe, expect, test } from 'vitest';
import { grpoSteps, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { endless, tiny } from './fixtures/tiny.ts';

const folder = temporaryFolder();
const SUMMARY = /by GRPO, \d+ GRPO steps, \d+ s\. See .*curves\.svg$/;

function start(name: string, more: readonly string[]): RunningProgram {
  return startApp([`run.folder=${folder}`, `run.name=${name}`, ...tiny, 'warmup.maxSteps=2', ...more], {
    folder,
    name,
  });
}

/** As the terminal does it: to every process of the group. */
const pressCtrlC = ({ child }: RunningProgram) => process.kill(-child.pid!, 'SIGINT');

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

describe.runIf(canSeeProcesses)('when a process of a run dies', () => {
  test.each([
    ['trainer', 'trainer'],
    ['dataset', 'dataset'],
    ['buffer', 'buffer'],
    // The store's first actor. Its other one, on the same process, goes with it.
    ['torchstore', 'controller'],
  ])('the %s: the run ends with exit code 1 and the cause, alone, on stderr', async (part, actor) => {
    await using app = start(part, [endless]);
    await app.line(/^grpo /);
    const pid = await app.part(part);
    process.kill(pid, 'SIGKILL');
    const { code, stderr } = await app.ended;
    expect(code).toBe(1);
    const told = stderr.trimEnd().split('\n');
    expect(told[0]).toBe(`forge: ${actor}/0 lost its process: process ${pid} was killed by SIGKILL.`);
    expect(told.at(-1)).toBe('Nobody handled this failure: everything is stopped, with exit code 1.');
    expect(stderr).not.toMatch(/^ +at |Error/m);
    expect(app.processes()).toEqual([]);
    expect(app.leftovers()).toEqual([]);
  });

  test('generator, rewards and reference are started again, and the run goes on to its end', async () => {
    const run = path.join(folder, 'services');
    await using app = start('services', ['grpo.steps=36']);
    for (const part of ['generator_0', 'rewards_0', 'reference_0']) {
      const before = grpoSteps(run);
      await until(() => app.isOver() || grpoSteps(run) > before + 2);
      const pid = await app.part(part);
      process.kill(pid, 'SIGKILL');
      await app.part(part, [pid]);
    }
    const { code, stdout, stderr } = await app.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lastLine(stdout)).toMatch(SUMMARY);
    expect(readMetrics(run).map(({ step }) => step)).toEqual(Array.from({ length: 38 }, (_, i) => i + 1));
    expect(app.processes()).toEqual([]);
    expect(app.leftovers()).toEqual([]);
  });

  test.each([
    ['rewards_0', /^Warning: No batch for \d+ s: \d of 2 groups are there, [1-4] in flight\. /],
    ['generator_0', /^Warning: (?:(?:New weights|The metrics of a step) have been on their way|No batch) for \d+ s: /],
  ])('%s that stands still: the run says why it waits, and goes on with it', async (part, sentence) => {
    const run = path.join(folder, `stalled-${part}`);
    await using app = start(`stalled-${part}`, [
      endless,
      'diagnostics.stallSeconds=1',
      'evaluation.every=100000', // an evaluation may take as long as it likes
    ]);
    await app.line(/^grpo /);
    const pid = await app.part(part);
    process.kill(pid, 'SIGSTOP');
    const told = await app.line(sentence);
    process.kill(pid, 'SIGCONT');
    const before = grpoSteps(run);
    await until(() => grpoSteps(run) > before + 1);
    pressCtrlC(app);
    expect((await app.ended).code).toBe(130);
    const warnings = readFileSync(path.join(run, 'warnings.jsonl'), 'utf8').trimEnd().split('\n');
    expect(warnings.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ name: 'stall', message: told.slice('Warning: '.length) }),
    );
    expect(app.processes()).toEqual([]);
  });

  test('a generator that stands still in the middle of an evaluation is named, and another one takes its place when it is ended', async () => {
    await using app = start('examined', [
      endless,
      'warmup.maxSteps=0',
      'diagnostics.stallSeconds=1',
      `environment.module=${path.join(import.meta.dirname, 'fixtures/own-signs.ts')}`,
      'environment.name=signs',
      // Too much for the time until the generator stands still.
      'dataset.embedded.problems=1000',
      'dataset.heldOut=256',
      'evaluation.problems=256',
      'generator.maxTokens=100',
      'generator.maxSequences=1',
    ]);
    await app.line(/an episode begins/);
    process.kill(await app.part('generator_0'), 'SIGSTOP');
    const told = await app.line(/^Warning: The evaluation has taken \d+ s, and /);
    expect(told).toMatch(/ and generator\/0 does not answer\. /);
    process.kill(await app.part('generator_0'), 'SIGKILL');
    await app.line(/^grpo /);
    pressCtrlC(app);
    expect((await app.ended).code).toBe(130);
    expect(readFileSync(path.join(folder, 'examined/warnings.jsonl'), 'utf8')).toContain('"name":"stall"');
    expect(app.processes()).toEqual([]);
  });

  test('the program itself, by force: all its processes vanish, and their files with them', async () => {
    await using app = start('main', [endless]);
    await app.line(/^grpo /);
    expect(app.processes()).toHaveLength(8);
    app.child.kill('SIGKILL');
    expect(await app.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
    await until(() => app.processes().length === 0);
    expect(app.leftovers()).toEqual([]);
  });
});

describe.runIf(canSeeProcesses)('Ctrl-C', () => {
  test.each([
    ['while the parts start', 'start', /^Run folder/, /^No evaluation was made, 0 GRPO steps, \d+ s\. See .*start$/],
    ['in the warm-up', 'warm-up', /^warm-up /, /^No evaluation was made, 0 GRPO steps, \d+ s\. See .*curves\.svg$/],
    ['in GRPO', 'grpo', /^grpo /, SUMMARY],
  ])('once, %s: ends the run cleanly', async (_, name, line, summary) => {
    await using app = start(name, [
      endless,
      ...(name === 'warm-up' ? ['warmup.maxSteps=100000', 'warmup.evaluateEvery=100000'] : []),
    ]);
    await app.line(line);
    pressCtrlC(app);
    const { code, stdout, stderr } = await app.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: '\nStopping; once more ends at once.\n' });
    expect(lastLine(stdout)).toMatch(summary);
    expect(app.processes()).toEqual([]);
    expect(app.leftovers()).toEqual([]);
  });

  test('once, while a generator is started again: ends the run cleanly', async () => {
    await using app = start('restarting', [endless]);
    await app.line(/^grpo /);
    const pid = await app.part('generator_0');
    process.kill(pid, 'SIGKILL');
    await app.part('generator_0', [pid]);
    pressCtrlC(app);
    const { code, stdout, stderr } = await app.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: '\nStopping; once more ends at once.\n' });
    expect(lastLine(stdout)).toMatch(SUMMARY);
    expect(app.processes()).toEqual([]);
    expect(app.leftovers()).toEqual([]);
  });

  test('twice: ends the run at once, though a part of it does not answer', async () => {
    await using app = start('twice', [endless]);
    await app.line(/^grpo /);
    process.kill(await app.part('trainer'), 'SIGSTOP');
    pressCtrlC(app);
    await app.line(/^Stopping; once more/);
    pressCtrlC(app);
    const { code, stdout } = await app.ended;
    expect(code).toBe(130);
    expect(lastLine(stdout)).toMatch(/^grpo /);
    await until(() => app.processes().length === 0);
    expect(app.leftovers()).toEqual([]);
  });
});
