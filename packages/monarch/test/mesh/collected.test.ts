import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { type ActorMesh, thisHost } from '../../src/index.ts';
import { meshHandle, meshReferenceOf } from '../../src/mesh/actor-mesh.ts';
import { program } from '../../src/program/current-program.ts';
import { Counter } from '../fixtures/counter.ts';
import { until } from '../fixtures/until.ts';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

test('a handle that is collected stops neither its actor nor its process', async () => {
  await using procs = await thisHost().spawnProcs();
  const spawned = async () => {
    const counter = await procs.spawn('counter', Counter, 1);
    expect(await counter.increment.callOne(1)).toBe(2);
    return { handle: new WeakRef(counter), reference: meshReferenceOf(counter)! };
  };
  const { handle, reference } = await spawned();
  await until(() => {
    gc();
    return handle.deref() === undefined;
  });
  // A handle of the same actor, of the type that it was spawned with.
  const again = meshHandle(program().process, reference) as ActorMesh<Counter, never>;
  expect(await again.increment.callOne(1)).toBe(3);
});
