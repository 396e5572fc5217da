import { CallAbortedError } from '@forge/monarch';
import type { FanoutOutcome } from '@forge/service';
import { expect, test } from 'vitest';
import { explainSilence, type Probed, tellSilence } from '../src/diagnostics/silence.ts';

const answer = (replica: number): FanoutOutcome<unknown> => ({ replica, ok: true, value: 7 });
const failure = (replica: number, error: unknown): FanoutOutcome<unknown> => ({ replica, ok: false, error });

/** What is told until the service was asked so often. */
async function toldWhile(probe: Probed['probe'], rounds: number): Promise<readonly (readonly string[])[]> {
  const told: (readonly string[])[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  let asked = 0;
  const generator: Probed = {
    name: 'generator',
    probe: (signal) => {
      asked += 1;
      if (asked > rounds) resolve('judged');
      return probe(signal);
    },
  };
  const tell = (silent: readonly string[]) => told.push(silent);
  expect(await tellSilence(promise, { services: [generator], maxMs: 5, tell })).toBe('judged');
  return told;
}

test('an evaluation may take as long as it likes while its replicas answer', async () => {
  expect(await toldWhile(async () => [answer(0), answer(1)], 5)).toEqual([]);
});

test('a replica that does not answer in time is told each time, alone', async () => {
  const aborted = (signal: AbortSignal) => new CallAbortedError('generator', 'getVersion', signal.reason);
  const told = await toldWhile(async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return [answer(0), failure(1, aborted(signal))];
  }, 3);
  expect(told).toEqual([['generator/1'], ['generator/1'], ['generator/1']]);
});

test('a replica that is lost, and a service without any, are told elsewhere', async () => {
  expect(await toldWhile(async () => [failure(0, new Error('lost'))], 3)).toEqual([]);
  expect(await toldWhile(() => Promise.reject(new Error('none is left')), 3)).toEqual([]);
});

test('what fails while it is watched fails', async () => {
  const services = [{ name: 'generator', probe: async () => [] }];
  const failing = tellSilence(Promise.reject(new RangeError('no')), { services, maxMs: 5, tell: () => {} });
  await expect(failing).rejects.toThrow(RangeError);
});

test('the sentence names them', () => {
  expect(explainSilence('The evaluation', ['generator/0'], 61_400)).toMatch(
    /^The evaluation has taken 61 s, and generator\/0 does not/,
  );
});
