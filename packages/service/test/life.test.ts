import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterEvent,
  born,
  type Life,
  type LifeEvent,
  type LifeMoment,
  type ReplicaState,
} from '../src/replicas/life.ts';

const EVENTS: readonly LifeEvent[] = ['started', 'caughtUp', 'answered', 'failed', 'lost', 'due', 'drain', 'stop'];
const RULES = { restart: undefined, ejection: undefined, startTimeoutMs: undefined };
const NOW: LifeMoment = { ...RULES, nowMs: 0, chance: 0, mayEject: true };

const live = (life: Life, ...events: readonly LifeEvent[]): Life =>
  events.reduce((before, event) => afterEvent(before, event, NOW), life);
const fresh = born(RULES);
const healthy = live(fresh, 'started', 'caughtUp');
const ejected = live(healthy, 'failed', 'failed', 'failed', 'failed', 'failed');

const moment = fc.record({
  nowMs: fc.nat(200_000),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  mayEject: fc.boolean(),
  cause: fc.constantFrom('one', 'two'),
});
const history = fc.array(fc.tuple(fc.constantFrom(...EVENTS), moment), { maxLength: 80 });

/** Every life that a history goes through. */
function livesOf(steps: readonly (readonly [LifeEvent, Omit<LifeMoment, keyof typeof RULES>])[]) {
  let life = fresh;
  let nowMs = 0;
  return steps.map(([event, at]) => {
    const before = life;
    nowMs += at.nowMs;
    life = afterEvent(before, event, { ...RULES, ...at, nowMs });
    return { before, event, life, nowMs };
  });
}

test('a replica takes requests only after its actors started and it caught up', () => {
  fc.assert(
    fc.property(history, (steps) => {
      let hasStarted = false;
      let hasCaughtUp = false;
      for (const { before, event, life } of livesOf(steps)) {
        if (event === 'started' && before.state === 'initializing') hasStarted = true;
        if (event === 'caughtUp' && hasStarted && before.state === 'warming') hasCaughtUp = true;
        if (life.state === 'initializing' && before.state !== 'initializing') hasStarted = hasCaughtUp = false;
        if (['healthy', 'ejected', 'probing', 'draining'].includes(life.state)) expect(hasCaughtUp).toBe(true);
      }
    }),
  );
});

test('an end is an end: a stopped replica stays stopped, an unhealthy one can only be stopped', () => {
  const stopped = live(fresh, 'stop');
  for (const event of EVENTS) expect(afterEvent(stopped, event, NOW)).toBe(stopped);
  fc.assert(
    fc.property(history, (steps) => {
      for (const { before, life } of livesOf(steps)) {
        if (before.state === 'unhealthy') expect(['unhealthy', 'stopped']).toContain(life.state);
      }
    }),
  );
});

test('whatever happened, stop stops, and it never starts more often than its budget allows', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lives = livesOf(steps);
      const starts = lives.filter(({ before, life }) => life.restarts > before.restarts).map(({ nowMs }) => nowMs);
      for (const from of starts) expect(starts.filter((at) => at >= from && at < from + 60_000).length).toBeLessThan(6);
      expect(afterEvent(lives.at(-1)?.life ?? fresh, 'stop', NOW).state).toBe('stopped');
    }),
  );
});

test('every state that lasts only for a time says how long, and no other does', () => {
  fc.assert(
    fc.property(history, (steps) => {
      for (const { life } of livesOf(steps)) {
        expect(life.waitMs !== undefined).toBe(life.state === 'recovering' || life.state === 'ejected');
      }
    }),
  );
});

describe('ejection', () => {
  test('follows five failures in a row, which any answer begins anew', () => {
    expect(live(healthy, 'failed', 'failed', 'failed', 'failed').state).toBe('healthy');
    expect(live(healthy, 'failed', 'failed', 'failed', 'failed', 'answered', 'failed').state).toBe('healthy');
    expect(ejected.state).toBe('ejected');
  });

  test('does not happen while nobody could take over', () => {
    const alone = { ...NOW, mayEject: false };
    let life = healthy;
    for (let i = 0; i < 20; i++) life = afterEvent(life, 'failed', alone);
    expect(life.state).toBe('healthy');
    expect(afterEvent(life, 'failed', NOW).state).toBe('ejected');
  });

  test('ends with a probe that is answered; each that fails doubles the wait, and the fifth is a loss', () => {
    expect(live(ejected, 'due', 'answered')).toMatchObject({ state: 'healthy', failures: 0, failedProbes: 0 });
    const waits: (number | undefined)[] = [];
    let life = ejected;
    const states: ReplicaState[] = [];
    for (let i = 0; i < 5; i++) {
      waits.push(life.waitMs);
      life = live(life, 'due', 'failed');
      states.push(life.state);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(states).toEqual(['ejected', 'ejected', 'ejected', 'ejected', 'recovering']);
  });

  test('an answer to what was asked before does not cut it short', () => {
    expect(live(ejected, 'answered')).toBe(ejected);
  });
});

test('a loss that is noticed twice is one loss', () => {
  const lost = live(healthy, 'lost');
  expect(lost).toMatchObject({ state: 'recovering', waitMs: 200, restarts: 0 });
  expect(live(lost, 'lost')).toBe(lost);
});

test('a start that takes longer than it may is a loss, and so is a warm-up', () => {
  const rules = { ...RULES, startTimeoutMs: 50 };
  const timed = born(rules);
  expect(timed.waitMs).toBe(50);
  const warming = afterEvent(timed, 'started', { ...NOW, ...rules });
  expect(warming).toMatchObject({ state: 'warming', waitMs: 50 });
  for (const life of [timed, warming]) expect(live(life, 'due').state).toBe('recovering');
});
