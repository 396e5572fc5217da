import { expect, test } from 'vitest';
import { nextState, type ReplicaChange, type ReplicaState } from '../src/replicas/state.ts';

const STATES: readonly ReplicaState[] = ['initializing', 'healthy', 'recovering', 'unhealthy', 'stopped'];
const CHANGES: readonly ReplicaChange[] = ['caughtUp', 'lost', 'restart', 'exhausted', 'stop'];

test('only a replica that caught up becomes healthy', () => {
  const ways = STATES.flatMap((state) => CHANGES.map((change) => [state, change, nextState(state, change)]));
  expect(ways.filter(([, , to]) => to === 'healthy')).toEqual([['initializing', 'caughtUp', 'healthy']]);
});

test('a stopped replica stays stopped, and every other can be stopped', () => {
  expect(CHANGES.map((change) => nextState('stopped', change))).toEqual(CHANGES.map(() => undefined));
  for (const state of STATES.slice(0, -1)) expect(nextState(state, 'stop')).toBe('stopped');
});

test('a loss that is noticed twice is one loss', () => {
  expect(nextState('healthy', 'lost')).toBe('recovering');
  expect(nextState('recovering', 'lost')).toBeUndefined();
});
