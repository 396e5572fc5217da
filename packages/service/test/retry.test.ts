import { OverflowError } from '@forge/monarch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RetryBudget, retryDelayMs, whyNotRetry } from '../src/routing/retry.ts';
import { fakeReplicas, lostProcess } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const plain = { endpoint: 'plain', args: [] };
const idempotent = { endpoint: 'idempotent', args: [] };
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('the delay before a repetition', () => {
  test('is drawn from an interval that doubles with each attempt up to a limit', () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), chance, (attempts, drawn) => {
        const delayMs = retryDelayMs(attempts, drawn, { firstDelayMs: 50, maxDelayMs: 2_000 });
        expect(delayMs).toBeCloseTo(drawn * Math.min(50 * 2 ** (attempts - 1), 2_000));
      }),
    );
  });

  test('passes before the call goes out again, and its deadline holds meanwhile', async () => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 2, random: () => 0.5 });
    await set.start();
    const patient = set.route(idempotent);
    const hurried = outcomeOf(set.route({ ...idempotent, timeoutMs: 20 }));
    started[0]?.die();
    started[1]?.die();
    await clock.pass(20);
    expect(await hurried).toMatchObject({ code: 'ERR_MONARCH_TIMEOUT', timeoutMs: 20 });
    await clock.pass(1_000);
    for (const { calls } of started.slice(2)) for (const { answer } of calls) answer.resolve('late');
    expect(await patient).toBe('late');
    expect(started.slice(2).flatMap(({ calls }) => calls)).toHaveLength(1);
    await set.shutdown(0);
  });
});

test('a budget allows a part of all calls to be repeated, and a burst of its size', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400, size: 'max' }), (isCall) => {
      const budget = new RetryBudget({ budgetRatio: 0.25, burst: 5 });
      let calls = 0;
      let repetitions = 0;
      for (const call of isCall) {
        if (call) {
          budget.earn();
          calls++;
        } else if (budget.spend()) repetitions++;
      }
      expect(repetitions).toBeLessThanOrEqual(5 + calls * 0.25);
      expect(new RetryBudget({ budgetRatio: 0.25, burst: 5 }).spend()).toBe(true);
    }),
  );
});

describe('whether a failed call is repeated', () => {
  const sent = { wasSent: true, isIdempotent: false, isStreaming: false, isForOneReplica: false, attempts: 1 };

  test.each([
    ['that may run twice is', { ...sent, isIdempotent: true }, undefined],
    ['that was not sent is', { ...sent, wasSent: false }, undefined],
    ['that may have run is not', sent, 'notIdempotent'],
    ['that had its attempts is not', { ...sent, isIdempotent: true, attempts: 3 }, 'attempts'],
    ['whose items are with its caller is not', { ...sent, isIdempotent: true, isStreaming: true }, 'streaming'],
    ['of a fanout is not', { ...sent, isIdempotent: true, isForOneReplica: true }, 'fanout'],
  ] as const)('a call %s', (_, attempt, reason) => {
    expect(whyNotRetry(attempt, {})).toBe(reason);
  });

  test.each([
    ['what the call says', { ...plain, idempotent: true }, 'value'],
    ['also when that is no', { ...idempotent, idempotent: false }, 'notIdempotent'],
    ['what the endpoint says', idempotent, 'value'],
    ['no, when neither does', plain, 'notIdempotent'],
  ])('follows %s', async (_, spec, expected) => {
    const { set, clock, started } = fakeReplicas({ numReplicas: 2 });
    await set.start();
    const call = outcomeOf(set.route(spec));
    started[0]?.die();
    await clock.pass(0);
    started[1]?.calls[0]?.answer.resolve('value');
    const outcome = await call;
    if (expected === 'value') expect(outcome).toBe('value');
    else expect(outcome).toMatchObject({ code: 'ERR_SERVICE_REPLICA_FAILED', reason: expected, attempts: 1 });
    await set.shutdown(0);
  });
});

test('a call that its replica did not accept is repeated, idempotent or not, and ends with what refused it', async () => {
  const { set, clock, started } = fakeReplicas({ retry: { maxAttempts: 2 } });
  await set.start();
  const refusal = new OverflowError('fake/0', { messages: 1, bytes: 1 });
  const [once, always] = [set.route(plain), outcomeOf(set.route(plain))];
  for (const { answer } of started[0]?.calls.splice(0) ?? []) answer.reject(refusal);
  await clock.pass(0);
  const [first, second] = started[0]?.calls.splice(0) ?? [];
  first?.answer.resolve('accepted');
  second?.answer.reject(refusal);
  expect(await once).toBe('accepted');
  expect(await always).toBe(refusal);
  expect(set.replicas[0]).toMatchObject({ state: 'healthy', inFlight: 0 });
  await set.shutdown(0);
});

test('when the budget is used up, calls are not repeated and say so', async () => {
  const retry = { burst: 2, budgetRatio: 0 };
  const { set, clock, started } = fakeReplicas({ numReplicas: 2, maxConcurrency: 3, retry });
  await set.start();
  const calls = [1, 2, 3].map((n) => outcomeOf(set.route({ ...idempotent, args: [n] })));
  started[0]?.die();
  started[1]?.die();
  await clock.pass(200);
  for (const { calls: repeated } of started.slice(2)) for (const { answer } of repeated) answer.resolve('repeated');
  const outcomes = await Promise.all(calls);
  expect(outcomes.filter((outcome) => outcome === 'repeated')).toHaveLength(2);
  expect(outcomes.find((outcome) => outcome !== 'repeated')).toMatchObject({
    code: 'ERR_SERVICE_REPLICA_FAILED',
    reason: 'budget',
    message: expect.stringContaining('too many calls were lately'),
  });
  await set.shutdown(0);
});

test('shutdown answers a call that waits to be repeated: it may have run', async () => {
  const { set, clock, started } = fakeReplicas({ random: () => 0.9 });
  await set.start();
  const call = outcomeOf(set.route(idempotent));
  started[0]?.calls.splice(0)[0]?.answer.reject(lostProcess(0));
  await settled();
  await set.shutdown(0);
  expect(await call).toMatchObject({ code: 'ERR_SERVICE_STOPPED', started: true });
  expect(clock.pending).toEqual([]);
});
