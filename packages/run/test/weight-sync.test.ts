import { openStore, policyVersionPrefix, type Store } from '@forge/torchstore';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WeightSync } from '../src/index.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore();
});
afterAll(async () => await store[Symbol.asyncDispose]());

type Outcome = Awaited<
  ReturnType<ConstructorParameters<typeof WeightSync>[0]['generator']['updateWeights']['fanoutSettled']>
>[number];

/** A trainer that puts one number, and generators that take their time. */
function parts() {
  const taken: { readonly version: number; readonly end: (outcome: Outcome) => void }[] = [];
  const push = { callOne: async (version: number) => await store.put(`${policyVersionPrefix(version)}.w`, version) };
  return {
    taken,
    trainer: { pushWeights: push, pushAdapters: push },
    generator: {
      updateWeights: {
        fanoutSettled: (version: number) =>
          new Promise<readonly Outcome[]>((resolve) => taken.push({ version, end: (outcome) => resolve([outcome]) })),
      },
    },
  };
}

test('weights are pushed before they are in use, and those before them are kept until then', async () => {
  const { taken, ...given } = parts();
  const sync = new WeightSync(given, store);
  const first = await sync.push();
  expect([first.version, sync.version, taken.length]).toEqual([1, 1, 1]);
  taken[0]?.end({ ok: true });
  await first.inUse;
  const second = await sync.push();
  expect(await store.keys(policyVersionPrefix(1))).toHaveLength(1);
  taken[1]?.end({ ok: true });
  await second.inUse;
  expect(await store.keys(policyVersionPrefix(1))).toHaveLength(0);
  expect(await store.keys(policyVersionPrefix(2))).toHaveLength(1);
});

test('what a generator cannot take is told by those who wait for its use; a replica that is lost is not waited for', async () => {
  const { taken, ...given } = parts();
  const sync = new WeightSync(given, store);
  const published = sync.publish();
  await expect.poll(() => taken.length).toBe(1);
  taken[0]?.end({ ok: false, error: new RangeError('no memory') });
  await expect(published).rejects.toThrow('no memory');
  const pushed = await sync.push();
  taken[1]?.end({ ok: false, error: Object.assign(new Error('lost'), { code: 'ERR_SERVICE_REPLICA_FAILED' }) });
  await pushed.inUse;
});
