import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Reply, Step, Task } from '@forge/environments';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Environments, startEnvironments } from '../src/environments/environments.ts';
import { checkOwnEnvironments, checkTaskEnvironments } from '../src/environments/own-exports.ts';
import { environmentSettings } from '../src/sections/environment.ts';

const own = path.join(import.meta.dirname, 'fixtures/own-environment.ts');
const task: Task = { messages: [{ role: 'user', content: 'What is 6 × 7?' }], target: '42' };

async function start(given: object): Promise<Environments> {
  const quiet = { maxQueuedRequests: 100, onEvent: () => {} };
  const environments = await startEnvironments(environmentSettings.parse(given), quiet);
  onTestFinished(() => environments[Symbol.asyncDispose]());
  return environments;
}

/** What comes of one turn in a new episode. */
async function stepIn(environments: Environments, reply: Partial<Reply>, of: Task = task): Promise<Step> {
  const episode = await environments.of(of)!();
  try {
    await episode.reset(of);
    return await episode.step({ text: '', ...reply });
  } finally {
    await episode[Symbol.asyncDispose]?.();
  }
}

const call = (name: string, given: Readonly<Record<string, unknown>> = {}) => ({
  toolCalls: [{ name, arguments: given }],
});
const toldBy = async (environments: Environments, reply: Partial<Reply>) =>
  (await stepIn(environments, reply)).observation?.map(({ content }) => content);

describe('the environment of a task', () => {
  test('is none where neither it nor the settings name one', async () => {
    expect((await start({})).of(task)).toBeUndefined();
  });

  test('is that which the task names, else that of the settings', async () => {
    const environments = await start({ name: 'answer' });
    const right = { text: '<answer>42</answer>' };
    expect(await stepIn(environments, right)).toEqual({ done: true, reward: 1 });
    const other = { ...task, environment: 'countdown', fields: { numbers: [6, 7] } };
    expect(await stepIn(environments, { text: '<answer>6*7</answer>' }, other)).toEqual({ done: true, reward: 1 });
    expect(environments.service).toBeUndefined();
  });

  test('is refused by name when there is none of that name', async () => {
    const environments = await start({});
    expect(() => environments.of({ ...task, environment: 'chess' })).toThrow('"chess". There are answer, countdown,');
  });
});

test('tools without effects are called where the rollouts are', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-run-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const documents = path.join(folder, 'documents.txt');
  writeFileSync(documents, 'The sky is blue.\nGrass is green.\n');
  const environments = await start({ tools: ['calculator', 'search'], documents });
  expect(await toldBy(environments, call('calculator', { expression: '6*7' }))).toEqual(['42']);
  expect((await toldBy(environments, call('search', { query: 'sky' })))![0]).toContain('The sky is blue.');
  expect(environments.service).toBeUndefined();
});

describe('a module of one’s own, in processes of its own', () => {
  test('has environments by name, and tools beside those that there are', async () => {
    const environments = await start({ module: own, tools: ['double', 'calculator'] });
    expect(await toldBy(environments, call('double', { x: 21 }))).toEqual(['42']);
    expect(await toldBy(environments, call('calculator', { expression: '6*7' }))).toEqual(['42']);
    const named = { ...task, environment: 'exact' };
    expect(await stepIn(environments, { text: '42' }, named)).toEqual({ done: true, reward: 1 });
  });

  test('tells the model of tools that throw, flood or never answer, of wrong names and arguments', async () => {
    const tools = ['double', 'fail', 'flood', 'wait'];
    const environments = await start({ module: own, tools, timeoutMs: 1_000 });
    expect(await toldBy(environments, call('fail'))).toEqual(['{"error":"no luck"}']);
    expect((await toldBy(environments, call('flood')))![0]).toHaveLength(4096 + '… (1048576 characters)'.length);
    expect(await toldBy(environments, call('wait'))).toEqual(['{"error":"No answer within 1000 ms."}']);
    expect((await toldBy(environments, call('treble')))![0]).toContain('There is no tool');
    expect((await toldBy(environments, call('double', { x: 'two' })))![0]).toContain('The arguments do not fit');
    expect((await toldBy(environments, { numMalformedCalls: 1 }))![0]).toContain('This is no call');
  });

  test.each(['block', 'exit'])('loses its episodes when a tool does %s, and plays the next', async (tool) => {
    const environments = await start({ module: own, tools: ['double', tool], timeoutMs: 1_000, maxToolCalls: 1 });
    await expect(stepIn(environments, call(tool))).rejects.toThrow();
    expect(await toldBy(environments, call('double', { x: 21 }))).toEqual(['42']);
  });
});

test('python runs in a sandbox, each call anew', async () => {
  const environments = await start({ tools: ['python'] });
  const run = async (code: string) => (await toldBy(environments, call('python', { code })))![0];
  expect(await run('x = 6\nprint(x)\nx * 7')).toBe('6\n42');
  expect(await run('x')).toMatch(/^\{"error":".*NameError/s);
  expect(await run('print("done")')).toBe('done');
});

describe('settings', () => {
  const problemsOf = (given: object) =>
    environmentSettings.safeParse(given).error?.issues.map(({ path: key, message }) => `${key.join('.')}: ${message}`);

  test.each([
    [
      { name: 'chess' },
      'name: "chess" must be one of answer, countdown, alphabet-sort, calculator, search, or of environment.module',
    ],
    [{ tools: ['saw'] }, 'tools: "saw" must be one of calculator, python, search, or of environment.module'],
    [{ tools: ['search'] }, 'documents: search needs a file to search in'],
    [{ documents: 'a.txt' }, 'documents: a.txt would not be used: environment.tools does not have search'],
    [
      { name: 'answer', tools: ['calculator'] },
      'tools: calculator would not be used: environment.name is answer; leave out one of the two',
    ],
  ])('that contradict each other are refused: %j', (given, problem) => {
    expect(problemsOf(given)).toEqual([problem]);
  });

  test.each([
    [{ module: own, tools: ['double'] }, undefined],
    [{ module: own, name: 'exact' }, undefined],
    [{ module: own, tools: ['saw'] }, '"saw" must be one of calculator, python, search, double, fail,'],
    [
      { module: own, name: 'chess' },
      '"chess" must be one of answer, countdown, alphabet-sort, calculator, search, exact.',
    ],
    [{ module: '/nowhere.ts' }, 'environment.module: /nowhere.ts cannot be used: Cannot find module'],
    [
      { module: path.join(import.meta.dirname, 'fixtures/fake-terminal.ts') },
      'exports neither environments nor tools.',
    ],
  ])('of a module of one’s own are checked before anything starts: %j', async (given, problem) => {
    const checked = checkOwnEnvironments(environmentSettings.parse(given));
    if (problem === undefined) await checked;
    else await expect(checked).rejects.toThrow(problem);
  });

  test('of tasks that name an environment which is not there are refused', async () => {
    const known = await checkOwnEnvironments(environmentSettings.parse({ module: own }));
    const named = (name: string): Task => ({ ...task, environment: name, source: 'games' });
    checkTaskEnvironments([task, named('exact'), named('countdown')], known);
    expect(() => checkTaskEnvironments([task, named('chess')], known)).toThrow(
      'dataset: a task of games names the environment "chess". There are answer, countdown, alphabet-sort, calculator, search, exact.',
    );
  });

  test('of files that are not there are refused', async () => {
    const started = (given: object) =>
      startEnvironments(environmentSettings.parse(given), { maxQueuedRequests: 1, onEvent: () => {} });
    await expect(started({ tools: ['search'], documents: '/nowhere' })).rejects.toThrow(
      'environment.documents: /nowhere cannot be read (ENOENT).',
    );
  });
});
