import { initialize } from '@forge/models';
import type { ServiceEvent } from '@forge/service';
import { openStore, policyVersionPrefix, type Store } from '@forge/torchstore';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Generator } from '../../src/generator.ts';
import { KillableGenerator } from '../fixtures/killable-generator.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
beforeAll(async () => {
  folder = await makeModelFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const push = (store: Store, version: number) =>
  store.putStateDict(policyVersionPrefix(version), initialize(folder.config, version));

test('a replica that is killed in the middle of training never answers with older weights than the others', async () => {
  await using store = await openStore();
  await push(store, 1);
  let hasRecovered = false;
  const onEvent = (event: ServiceEvent) => {
    const isChange = event.type === 'replicaStateChanged' && event.cause !== undefined;
    if (isChange && event.from === 'warming' && event.to === 'healthy') hasRecovered = true;
  };
  await using service = await KillableGenerator.options({ numReplicas: 2, onEvent }).asService({
    model: folder.path,
    store: store.reference,
    threads: 1,
  });
  expect(await service.getVersion.fanout()).toEqual([1, 1]); // before any update was announced

  let announced = 1;
  let isOver = false;
  const oldest: [asked: number, answered: number][] = [];
  const rollouts = [1, 2, 3, 4].map(async () => {
    while (!isOver) {
      const asked = announced;
      const [completion] = await service.generate.route('What is 2 + 3?', { maxTokens: 8 });
      oldest.push([asked, Math.min(...completion!.versions)]);
    }
  });
  const [victim] = await service.processId.fanout();
  process.kill(victim!, 'SIGKILL');
  // Training goes on, and drops what it replaces: the replica that starts will hear of versions that are gone.
  for (let version = 2; !hasRecovered || version <= 6; version++) {
    await push(store, version);
    await service.updateWeights.fanoutSettled(version);
    announced = version;
    await store.deletePrefix(policyVersionPrefix(version - 1));
  }
  expect(await service.getVersion.fanout()).toEqual([announced, announced]);
  isOver = true;
  await Promise.all(rollouts);
  expect(oldest.filter(([asked, answered]) => answered < asked)).toEqual([]);
});

test('a version that is older and gone is passed over, one that is newer and missing is an error', async () => {
  await using store = await openStore({ kind: 'inline' });
  await push(store, 3);
  const options = { model: folder.path, store: store.reference, threads: 1 };
  await using generator = await Generator.options({ kind: 'inline' }).asActor(options);
  await generator.updateWeights.callOne(2);
  expect(await generator.getVersion.callOne()).toBe(3);
  await expect(generator.updateWeights.callOne(4)).rejects.toMatchObject({
    cause: { code: 'ERR_TORCHSTORE_KEY_NOT_FOUND' },
  });
  await push(store, 2);
  await generator.updateWeights.callOne(2); // it is there: asked for by somebody who wants to go back
  expect(await generator.getVersion.callOne()).toBe(2);
});

test('a store whose newest version is not of this model fails the start', async () => {
  await using store = await openStore({ kind: 'inline' });
  const { 'model.norm.weight': norm, ...incomplete } = initialize(folder.config, 1);
  expect(norm).toBeDefined();
  await store.putStateDict(policyVersionPrefix(1), incomplete);
  const options = { model: folder.path, store: store.reference, threads: 1 };
  await expect(Generator.options({ kind: 'inline' }).asActor(options)).rejects.toThrow('model.norm.weight');
});
