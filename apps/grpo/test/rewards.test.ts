import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Answer, Score } from '@forge/run';
import { canSeeProcesses, processesWith, until } from '@forge/run/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reward as rewardSection } from '../src/config/reward.ts';
import { checkOwnFunctions } from '../src/rewards/check-own-functions.ts';
import { RewardActor } from '../src/rewards/reward-actor.ts';
import { rewardMetrics } from '../src/rewards/reward-metrics.ts';
import { answerScorer, scoringFunctions } from '../src/rewards/score-answer.ts';
import { scorer } from '../src/rewards/scorer.ts';

const module = path.resolve(import.meta.dirname, 'fixtures/own-rewards.ts');
const answer = (completion: string, more: Partial<Answer> = {}): Answer => {
  return { prompt: '', completion, target: '4', isTruncated: false, ...more };
};
const context = { maxTokens: 16, onEnd: () => {} };

describe('the functions of a configuration', () => {
  const score = async (settings: object, given: Answer) =>
    await (await answerScorer(rewardSection.parse(settings), context))(given);

  test.each<readonly [object | string, Answer, number | undefined]>([
    ['math', answer('<answer>4</answer>'), 1],
    [{ name: 'math', partialCredit: 0.5 }, answer('4'), 0.5],
    [{ name: 'math', parity: true }, answer('144'), 0.1],
    ['symbolic', answer('\\boxed{2+2}'), 1],
    ['exact', answer(' 4 '), 1],
    [{ name: 'exact', of: 'completion' }, answer('<answer>4</answer>'), 0],
    [{ name: 'thinking', partialReward: -1 }, answer('<think>'), -1],
    [{ name: 'language', language: 'de' }, answer('Die Antwort ist zweiundvierzig.'), 1],
    ['overlong', answer('', { tokens: 14 }), -0.5],
    [{ name: 'overlong', maxLength: 10, cacheLength: 5 }, answer('', { tokens: 6 }), -0.2],
    ['json', answer('{"a": 1}'), 1],
    [{ name: 'json', schema: { type: 'object', required: ['b'] } }, answer('{"a": 1}'), 0],
    [{ name: 'json', schemaField: 'form' }, answer('7', { fields: { form: { type: 'string' } } }), 0],
    [{ name: 'json', schemaField: 'form' }, answer('"7"', { fields: { form: { type: 'string' } } }), 1],
    ['environment', answer('', { environmentReward: 0.25 }), 0.25],
    ['environment', answer(''), undefined],
  ])('%j', async (given, what, expected) => {
    expect((await score({ functions: [given] }, what)).reward).toBe(expected);
  });

  test('are weighted, and each is told', async () => {
    const functions = ['math', { name: 'thinking', weight: 3 }, { name: 'exact', weight: 0 }];
    expect(await score({ functions }, answer('<think>2 + 2</think><answer>4</answer>'))).toEqual({
      reward: 1,
      rewards: { math: 1, thinking: 1, exact: 1 },
      isRight: true,
    });
    expect((await score({ functions }, answer('<answer>4</answer>'))).reward).toBe(0.25);
  });

  test('of a module may answer later, and see the fields of the task', async () => {
    const given = answer('', { fields: { worth: 0.75 } });
    expect(await score({ functions: ['later'], module }, given)).toMatchObject({ reward: 0.75 });
  });

  test('a truncated completion earns nothing and is wrong, or is judged like any other', async () => {
    const cut = answer('<answer>4</answer>', { isTruncated: true });
    expect(await score({ functions: ['math'] }, cut)).toEqual({ reward: 0, rewards: { math: 1 }, isRight: false });
    const settings = { functions: ['math'], truncated: 'score' };
    expect(await score(settings, cut)).toMatchObject({ reward: 1, isRight: true });
  });

  test('what is right is told by one of them, or by another one', async () => {
    const right = { function: 'thinking', atLeast: 0.2 };
    expect(await score({ functions: ['math'], right }, answer('<think>'))).toMatchObject({ isRight: true });
    expect(await score({ functions: ['thinking'] }, answer('<answer>4</answer>'))).toMatchObject({ isRight: true });
    expect(await score({ functions: ['math'] }, answer('4'))).toMatchObject({ reward: 0.1, isRight: false });
  });

  test('that does not apply leaves its answer without a score, and says so', async () => {
    const { reward, unscored } = await score({ functions: ['deed'], module }, answer('not apply'));
    expect({ reward, reason: unscored?.reason }).toEqual({ reward: undefined, reason: 'notApplicable' });
  });
});

describe('what cannot be is refused by its key', () => {
  test.each<readonly [object, string, RegExp]>([
    [{ functions: ['math', 'luck'] }, 'functions.1', /"luck" must be one of math, .*, or an export of reward\.module/],
    [{ functions: ['math', { name: 'math', weight: 2 }] }, 'functions.1', /math is named twice/],
    [{ functions: [{ name: 'math', tolerence: 1 }] }, 'functions.0', /of math: .*tolerence/],
    [{ functions: [{ name: 'language', language: 1 }] }, 'functions.0.language', /of language: .*string/],
    [{ functions: [{ name: 'math', weight: 0 }] }, 'functions', /needs a weight above 0/],
    [{ functions: [{ name: 'own', size: 1 }], module: 'own.ts' }, 'functions.0', /has no options/],
    [{ functions: ['math'], module: 'own.ts' }, 'module', /names nothing of it/],
    [{ right: { function: 'luck' } }, 'right.function', /"luck" must be one of/],
  ])('%j', (settings, key, message) => {
    const issues = rewardSection.safeParse(settings).error?.issues ?? [];
    expect(issues.map(({ path: keys }) => keys.join('.'))).toEqual([key]);
    expect(issues[0]!.message).toMatch(message);
  });
});

describe('code', () => {
  test('is scored by the tests of its task', async () => {
    const stops: (() => Promise<void>)[] = [];
    const settings = rewardSection.parse({ functions: [{ name: 'code', testsField: 'tests', partialCredit: true }] });
    const score = await answerScorer(settings, { ...context, onEnd: (stop) => stops.push(stop) });
    try {
      const fields = { tests: ['assert f(1) == 2', 'assert f(2) == 4'] };
      expect(await score(answer('def f(x):\n    return x + 1', { fields }))).toMatchObject({ reward: 0.5 });
      expect(await score(answer('def f(x): ...'))).toMatchObject({ reward: undefined });
    } finally {
      for (const stop of stops) await stop();
    }
  });
});

describe('a module of one’s own', () => {
  const check = (settings: object) => checkOwnFunctions(rewardSection.parse(settings));

  test('is accepted with the functions that it has', async () => {
    await check({ functions: ['math', 'deed'], module });
  });

  test.each([
    [{ functions: ['noFunction'], module }, /exports no function noFunction; it has deed, later, moody\./],
    [{ functions: ['a'], module: 'nowhere.ts' }, /nowhere\.ts cannot be used: .*find/],
  ])('%j is refused', async (settings, message) => {
    await expect(check(settings)).rejects.toThrow(message);
  });
});

describe('answers in processes', () => {
  const deeds = { functions: [{ name: 'thinking', weight: 0 }, 'deed'], module, memoryMiB: 256 };
  const open = async (timeoutMs: number, numReplicas: number, settings: object = deeds) => {
    const mark = randomUUID();
    const config = rewardSection.parse({ ...settings, timeoutMs });
    const service = await RewardActor.options({
      meshName: 'rewards',
      numReplicas,
      replicaMaxConcurrentRequests: 1,
      retry: { maxAttempts: 1 },
      restart: { maxRestarts: Number.POSITIVE_INFINITY, firstDelayMs: 1, maxDelayMs: 1 },
      waitForHealthyMs: 60_000,
      env: { FORGE_TEST_RUN: mark },
    }).asService(config, 16);
    const score = scorer((answers, { only }) => service.evaluate.route(answers, only), scoringFunctions(config));
    return { service, score, mark: `FORGE_TEST_RUN=${mark}` };
  };
  const told = ({ reward, unscored }: Score) => [reward, unscored?.reason];
  const culprits = (scores: readonly Score[]) => scores.map(({ unscored }) => unscored?.function);

  test('which throw, give no number, or never answer go without a score, and the others have theirs', async () => {
    const { service, score } = await open(1_000, 1);
    await using _ = service;
    const scores = await score(
      ['good', 'throw', 'NaN', 'never answer', 'not apply', 'good'].map((each) => answer(each)),
    );
    expect(scores.map(told)).toEqual([
      [1, undefined],
      [undefined, 'threw'],
      [undefined, 'notANumber'],
      [undefined, 'timedOut'],
      [undefined, 'notApplicable'],
      [1, undefined],
    ]);
    expect(scores[1]!.unscored).toEqual({ function: 'deed', reason: 'threw', message: 'nobody knows' });
    expect(service.metrics().service.restarts).toBe(0);
  });

  test('which hang are found with the function that does, and the others have their scores', async () => {
    const { service, score } = await open(1_000, 2);
    await using _ = service;
    const deeds = ['good', 'loop forever', 'good', 'loop forever later'];
    const scores = await score(deeds.map((each) => answer(each)));
    expect(scores.map(told)).toEqual([
      [1, undefined],
      [undefined, 'timedOut'],
      [1, undefined],
      [undefined, 'timedOut'],
    ]);
    expect(culprits(scores)).toEqual([undefined, 'deed', undefined, 'deed']);
    // And it goes on.
    expect((await score([answer('good')])).map(told)).toEqual([[1, undefined]]);
  });

  test('which take all memory or end the process are found, and the others have their scores', async () => {
    const { service, score } = await open(60_000, 2);
    await using _ = service;
    const deeds = ['good', 'take all memory', 'end the process', 'good'];
    expect((await score(deeds.map((each) => answer(each)))).map(told)).toEqual([
      [1, undefined],
      [undefined, 'outOfMemory'],
      [undefined, 'died'],
      [1, undefined],
    ]);
  });

  test.runIf(canSeeProcesses)('whose process is killed are scored again', async () => {
    const { service, score, mark } = await open(1_000, 1);
    await using _ = service;
    const scores = score([answer('never answer'), answer('good'), answer('good')]);
    await until(() => service.state().replicas[0]!.activeRequests === 1);
    const [own, ...others] = processesWith(mark);
    expect(others).toEqual([]);
    process.kill(own!.pid, 'SIGKILL');
    expect((await scores).map(told)).toEqual([
      [undefined, 'timedOut'],
      [1, undefined],
      [1, undefined],
    ]);
    expect(service.metrics().service.restarts).toBe(1);
  });

  test.runIf(canSeeProcesses)(
    'code whose interpreter is killed has no score, and says so; the next has one',
    async () => {
      const code = { functions: [{ name: 'code', timeoutMs: 60_000 }], right: { function: 'code' } };
      const { service, score, mark } = await open(60_000, 1, code);
      await using _ = service;
      const interpreterOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
      const [own] = processesWith(mark);
      const first = interpreterOf(own!.pid);
      const scores = score([answer('while True: pass')]);
      await until(() => service.state().replicas[0]!.activeRequests === 1);
      process.kill(first, 'SIGKILL');
      const [{ unscored }] = (await scores) as [Score];
      expect(unscored).toMatchObject({ function: 'code', reason: 'threw' });
      expect(unscored!.message).toContain('killed from outside by SIGKILL');
      expect((await score([answer('x = 4', { target: 'assert x == 4' })])).map(told)).toEqual([[1, undefined]]);
      expect(interpreterOf(own!.pid)).not.toBe(first);
      expect(service.metrics().service.restarts).toBe(0);
    },
  );
});

test('metrics of rewards: completions without a score take no part in a mean, and are counted', () => {
  const parts = fc.record({ reward: fc.option(fc.float({ noNaN: true, min: -1, max: 1 }), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1 }), (episodes) => {
      const metrics = rewardMetrics(episodes.map((each) => ({ ...each, rewards: {} })));
      const scored = episodes.flatMap(({ reward }) => (reward === undefined ? [] : [reward]));
      expect(metrics['reward/unscored']).toBe(episodes.length - scored.length);
      if (scored.length === 0) expect(metrics['reward/mean']).toBeNaN();
      else expect(metrics['reward/mean']).toBeCloseTo(scored.reduce((a, b) => a + b) / scored.length, 9);
    }),
  );
  const rewards = [{ a: 1 }, { a: 0, b: 3 }];
  expect(rewardMetrics(rewards.map((each) => ({ reward: 1, rewards: each })))).toEqual({
    'reward/mean': 1,
    'reward/std': 0,
    'reward/unscored': 0,
    'completions/unscored': 0,
    'reward/a/mean': 0.5,
    'reward/a/std': 0.5,
    'reward/b/mean': 3,
    'reward/b/std': 0,
  });
});
