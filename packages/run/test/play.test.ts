import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Environment, type Message, type OpenEnvironment, type Task, taskSets } from '@forge/environments';
import { Generator } from '@forge/generator';
import { loadConfig, loadWeights } from '@forge/models';
import { grpoBatch, openTraining } from '@forge/trainer';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Environments } from '../src/environments/environments.ts';
import { type Player, play } from '../src/episodes/play.ts';
import { endTokenId, wordTokenizer, writeTinyModel } from '../src/index.ts';
import { environmentSettings } from '../src/sections/environment.ts';
import { canSeeProcesses, processesWith, until } from '../src/testing/index.ts';

const sizes = {
  hiddenSize: 16,
  numLayers: 2,
  numAttentionHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  intermediateSize: 24,
  maxPositions: 96,
};
const folder = mkdtempSync(path.join(tmpdir(), 'forge-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => {
  const files = wordTokenizer(taskSets['calculator']!.vocabulary);
  await writeTinyModel(folder, files, sizes, 1);
  // A model of random weights hardly ever says the one token that ends a turn: so others end one, too.
  const ends = [endTokenId(files), ...Array.from({ length: 60 }, (_, id) => id + 40)];
  writeFileSync(path.join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: ends }));
});

const task: Task = { messages: [{ role: 'user', content: 'Tom has 12 boxes. How many?' }], target: '42' };

/** A generator of random weights, and an environment that every task is played in. */
async function playerIn(open: OpenEnvironment | undefined, overrides: object = {}, replicas = 1) {
  const events: string[] = [];
  const generator = await Generator.options({
    onEvent: ({ type }) => events.push(type),
    kind: replicas === 1 ? 'inline' : 'process',
    meshName: 'generator',
    numReplicas: replicas,
  }).asService({ model: folder, threads: 1, batchInvariant: true, seed: 1 });
  const config = { generator: { maxTokens: 12 }, environment: environmentSettings.parse(overrides) };
  const environments: Environments = { service: undefined, of: () => open, [Symbol.asyncDispose]: async () => {} };
  const player: Player = { config, parts: { generator, environments } };
  return { ...player, generator, events, [Symbol.asyncDispose]: () => generator[Symbol.asyncDispose]() };
}

/** Tells the model the same thing after each turn, and rewards each. */
const echoing =
  (turns: number, told: readonly Message[] = [{ role: 'tool', content: '42' }], more: Partial<Environment> = {}) =>
  (): Environment => {
    let turn = 0;
    return {
      reset: ({ messages }) => ({ messages }),
      step: () => {
        turn += 1;
        const info = { toolCalls: 1, toolFailures: 0 };
        return turn === turns ? { done: true, reward: 1 } : { done: false, reward: 0.5, observation: told, info };
      },
      ...more,
    };
  };

const options = { n: 3, temperature: 1, seed: 5 };
describe('a task without an environment', () => {
  test('is answered in one request, as the generator answers it', async () => {
    await using player = await playerIn(undefined);
    const episodes = await play(player, task, options);
    const asked = await player.generator.chat.route(task.messages, { ...options, maxTokens: 12 });
    expect(episodes.map(({ tokenIds }) => tokenIds)).toEqual(asked.map(({ tokenIds }) => tokenIds));
    expect(episodes[0]).not.toHaveProperty('messages');
  });
});

test.each([
  ['without an environment', undefined],
  ['in an environment of several turns', echoing(2)],
])('a task %s is asked as its player asks', async (_, open) => {
  await using player = await playerIn(open);
  const ask = ({ target }: Task) => [{ role: 'user', content: `How many boxes? ${target}` }];
  const [told] = await play({ ...player, ask }, task, options);
  const [plain] = await play(player, task, options);
  expect([told!.prompt, plain!.prompt]).toEqual([
    expect.stringMatching(/How many boxes\? 42/),
    expect.stringContaining('Tom'),
  ]);
});

describe('a task in an environment of one turn', () => {
  test('is answered by the same tokens, and judged', async () => {
    await using player = await playerIn(echoing(1, [], { maxTurns: 1 }));
    const episodes = await play(player, task, options);
    const asked = await player.generator.chat.route(task.messages, { ...options, maxTokens: 12 });
    expect(episodes.map(({ tokenIds }) => tokenIds)).toEqual(asked.map(({ tokenIds }) => tokenIds));
    const wanted = asked.map(({ finishReason }) => (finishReason === 'stop' ? 1 : undefined));
    expect(episodes.map(({ environmentReward }) => environmentReward)).toEqual(wanted);
    expect(new Set(wanted)).toContain(1);
  });
});

describe('a task in an environment of several turns', () => {
  test('is played by the tokens of one turn where it ends after one, the same seed given', async () => {
    await using player = await playerIn(echoing(1));
    const episodes = await play(player, task, options);
    const asked = await player.generator.chat.route(task.messages, { ...options, maxTokens: 12 });
    expect(episodes.map(({ tokenIds, logProbs }) => ({ tokenIds, logProbs }))).toEqual(
      asked.map(({ tokenIds, logProbs }) => ({ tokenIds, logProbs })),
    );
  });

  test('is one sequence an episode, whose log-probabilities are those of the trainer', async () => {
    await using player = await playerIn(echoing(3));
    const episodes = await play(player, task, { ...options, n: 8 });
    const long = episodes.filter(({ turns }) => turns === 3);
    expect(long.length).toBeGreaterThan(1);
    expect(long[0]).toMatchObject({
      environmentReward: 2,
      counts: { toolCalls: 2, toolFailures: 0 },
      isTruncated: false,
      policyVersion: 0,
    });
    expect(long[0]!.messages!.map(({ role }) => role)).toEqual(['assistant', 'tool', 'assistant', 'tool', 'assistant']);

    const config = await loadConfig(folder);
    const model = { config, weights: await loadWeights(folder, config) };
    await using training = await openTraining(model, { threads: 1, batchInvariant: true });
    const batch = grpoBatch(episodes.map((episode) => ({ ...episode, advantage: 1 })));
    const masks = batch.targets.masks!;
    const { logProbs } = await training.forward(batch.inputs, { masks });
    for (const [i, episode] of episodes.entries()) {
      const chosen = (values: ArrayLike<number>) => Array.from(values).filter((_, t) => masks[i]![t] === 1);
      expect(chosen(episode.logProbs)).toEqual(chosen(logProbs[i]!));
      expect(chosen(episode.logProbs).every((logProb) => logProb < 0)).toBe(true);
    }
  });

  test('goes the same way with the same seed, whatever is played beside it', async () => {
    await using player = await playerIn(echoing(3));
    const alone = await play(player, task, options);
    const [beside] = await Promise.all([
      play(player, task, options),
      play(player, task, { ...options, seed: 6, n: 5 }),
    ]);
    expect(beside).toEqual(alone);
  });

  test('is cut off where what it is told does not fit, which is no part of it then', async () => {
    const flood = [{ role: 'tool', content: 'x'.repeat(10_000) }];
    await using player = await playerIn(echoing(3, flood));
    for (const episode of await play(player, task, { ...options, n: 8 })) {
      expect(episode).toMatchObject({ isTruncated: true, turns: 1 });
      expect(episode.tokenIds.length).toBeLessThanOrEqual(12);
      expect(episode.mask).toEqual(new Uint8Array(episode.tokenIds.length).fill(1));
    }
  });

  test('keeps to the limits of tokens and turns', async () => {
    await using short = await playerIn(echoing(9), { maxTokens: 20 });
    const episodes = await play(short, task, { ...options, n: 8 });
    expect(Math.max(...episodes.map(({ tokenIds }) => tokenIds.length))).toBeLessThanOrEqual(20);
    expect(episodes.every(({ isTruncated }) => isTruncated)).toBe(true);
    await using few = await playerIn(echoing(9), { maxTurns: 2 });
    const turns = (await play(few, task, { ...options, n: 8 })).map((episode) => episode.turns);
    expect(Math.max(...turns.map(Number))).toBe(2);
  });

  test.each([
    ['does not begin', { reset: () => Promise.reject(new RangeError('broken')) }],
    ['throws', { step: () => Promise.reject(new RangeError('broken')) }],
    ['begins differently each time', { reset: () => ({ messages: [{ role: 'user', content: randomUUID() }] }) }],
  ])('that %s leaves episodes that say why, and cannot be judged', async (_, broken) => {
    await using player = await playerIn(echoing(2, [], broken));
    const episodes = await play(player, task, { ...options, n: 8 });
    const failed = episodes.filter(({ failure }) => failure !== undefined);
    expect(failed.length).toBeGreaterThan(0);
    for (const episode of failed) {
      expect(episode.tokenIds.length).toBeGreaterThan(0);
      expect(episode.environmentReward).toBeUndefined();
      expect(episode.failure).toMatch(/broken|begin alike/);
    }
  });
});

// Only Linux tells which processes belong to whom.
test.skipIf(!canSeeProcesses)(
  'an episode goes on elsewhere when its generator is killed between two turns',
  async () => {
    const mark = `FORGE_TEST_RUN=${randomUUID()}`;
    vi.stubEnv('FORGE_TEST_RUN', mark.slice(mark.indexOf('=') + 1));
    onTestFinished(() => void vi.unstubAllEnvs());
    let isKilled = false;
    const killing = (): Environment => {
      const { reset, step } = echoing(3)();
      return {
        reset,
        step: async (reply) => {
          if (!isKilled) {
            isKilled = true;
            const victim = processesWith(mark).find(({ name }) => name === 'generator_0/0')!;
            process.kill(victim.pid, 'SIGKILL');
            await until(() => processesWith(mark).every(({ pid }) => pid !== victim.pid));
          }
          return step(reply);
        },
      };
    };
    await using still = await playerIn(echoing(3));
    const undisturbed = await play(still, task, { ...options, n: 8 });
    await using player = await playerIn(killing, {}, 2);
    const episodes = await play(player, task, { ...options, n: 8 });
    expect(player.events).toContain('sessionMoved');
    expect(episodes).toEqual(undisturbed);
  },
);
