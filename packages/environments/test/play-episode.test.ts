import { describe, expect, test } from 'vitest';
import { beginEpisodes } from '../src/begin-episodes.ts';
import type { Environment, Step } from '../src/environment.ts';
import { playEpisode } from '../src/play-episode.ts';
import type { Message, Task } from '../src/task.ts';
import { play, turn } from './scripted.ts';

const task: Task = { messages: [{ role: 'user', content: 'Guess.' }], target: '3' };

/** Counts the turns, and is over after three. */
function counting(overrides: Partial<Environment> = {}): Environment {
  let turns = 0;
  return {
    reset: ({ messages }) => ({ messages }),
    step: (): Step => {
      turns += 1;
      const told = { reward: 0.25, info: { turns: 1, late: turns === 3 ? 1 : 0 } };
      return turns === 3
        ? { done: true, ...told }
        : { done: false, ...told, observation: [{ role: 'user', content: `turn ${turns}` }] };
    },
    ...overrides,
  };
}

describe('an episode', () => {
  test('goes from turn to turn until the environment ends it, and adds up what it says', async () => {
    expect(await play(counting(), task, ['a', 'b', 'c', 'd'])).toEqual({
      messages: [
        { role: 'assistant', content: 'a' },
        { role: 'user', content: 'turn 1' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'turn 2' },
        { role: 'assistant', content: 'c' },
      ],
      numTurns: 3,
      reward: 0.75,
      isTruncated: false,
      info: { turns: 3, late: 1 },
    });
  });

  test('is cut off by the limit of turns, that of the environment included', async () => {
    expect(await play(counting(), task, ['a', 'b', 'c'], { maxTurns: 2 })).toMatchObject({
      numTurns: 2,
      reward: 0.5,
      isTruncated: true,
    });
    expect(await play(counting({ maxTurns: 1 }), task, ['a', 'b', 'c'])).toMatchObject({
      numTurns: 1,
      isTruncated: true,
    });
  });

  test('is cut off where what it is told does not fit, which then was not said', async () => {
    const heard: (readonly Message[])[] = [];
    const played = await play(counting(), task, ['a', 'b'], { heard: (messages) => heard.push(messages) });
    expect(played).toMatchObject({ numTurns: 2, isTruncated: true, reward: 0.5 });
    expect(played.messages.at(-1)).toEqual({ role: 'assistant', content: 'b' });
    expect(heard).toHaveLength(2);
  });

  test('ends with a turn that was cut off, which the environment does not hear', async () => {
    const environment = counting();
    await environment.reset(task);
    const nobody = { say: async () => undefined };
    const played = await playEpisode(environment, { ...turn('a'), isCutOff: true }, nobody);
    expect(played).toEqual({
      messages: [{ role: 'assistant', content: 'a' }],
      numTurns: 1,
      isTruncated: true,
      info: {},
    });
  });

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('broken');
      },
      'broken',
    ],
    ['rejects', () => Promise.reject(new RangeError('broken, too')), 'broken, too'],
    ['never answers', () => new Promise<never>(() => {}), 'No answer within 20 ms.'],
  ])('has no reward in an environment that %s', async (_, step, failure) => {
    const played = await play(counting({ step }), task, ['a'], { stepTimeoutMs: 20 });
    expect(played).toMatchObject({ numTurns: 1, isTruncated: false, failure });
    expect(played.reward).toBeUndefined();
  });

  test('rejects when its partner does', async () => {
    const environment = counting();
    await environment.reset(task);
    const gone = { say: () => Promise.reject(new RangeError('gone')) };
    await expect(playEpisode(environment, turn('a'), gone)).rejects.toThrow('gone');
  });
});

describe('episodes of one task', () => {
  test('begin in environments of their own, which are disposed of with them', async () => {
    let numOpen = 0;
    const open = () => {
      numOpen += 1;
      return counting({
        maxTurns: 5,
        [Symbol.asyncDispose]: async () => {
          numOpen -= 1;
        },
      });
    };
    const episodes = await beginEpisodes(open, task, { n: 3, timeoutMs: 1000 });
    expect(episodes).toMatchObject({ opening: { messages: task.messages }, maxTurns: 5 });
    expect(new Set(episodes.environments).size).toBe(3);
    expect(numOpen).toBe(3);
    await episodes[Symbol.asyncDispose]();
    expect(numOpen).toBe(0);
  });

  test('are refused as a whole when one throws, hangs or begins otherwise, and none stays open', async () => {
    let numOpen = 0;
    let numOpened = 0;
    const opening = (reset: (place: number) => ReturnType<Environment['reset']>) => () => {
      const place = numOpened++;
      numOpen += 1;
      return counting({
        reset: () => reset(place),
        [Symbol.asyncDispose]: async () => {
          numOpen -= 1;
        },
      });
    };
    const { messages } = task;
    const wrong = [
      opening((place) => {
        if (place % 3 === 1) throw new RangeError('broken');
        return { messages };
      }),
      opening((place) => (place % 3 === 1 ? new Promise<never>(() => {}) : { messages })),
      opening((place) => ({ messages: [{ role: 'user', content: String(place) }] })),
    ];
    for (const open of wrong) {
      await expect(beginEpisodes(open, task, { n: 3, timeoutMs: 20 })).rejects.toMatchObject({
        code: 'ERR_ENVIRONMENTS_EPISODE',
      });
    }
    expect(numOpen).toBe(0);
  });
});
