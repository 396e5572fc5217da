import { expectTypeOf } from 'vitest';
import type { HostMesh, ProcMesh } from '../../src/index.ts';
import { inlineProcs, manualClock, mockActor, type Simulation, simulate } from '../../src/testing/index.ts';
import { Counter } from '../fixtures/counter.ts';
import { MockOracle, Oracle } from '../fixtures/oracle.ts';

export async function testing(): Promise<void> {
  expectTypeOf(await inlineProcs()).toEqualTypeOf<ProcMesh<never>>();
  expectTypeOf(await inlineProcs({ replica: 2, shard: 1 })).toEqualTypeOf<ProcMesh<'replica' | 'shard'>>();

  const simulation = await simulate({ seed: 1 }, async ({ hosts }) => {
    expectTypeOf(hosts).toEqualTypeOf<HostMesh<'hosts'>>();
    return 'value';
  });
  expectTypeOf(simulation).toEqualTypeOf<Simulation<string>>();
  // @ts-expect-error a simulation needs its seed
  await simulate({}, async () => {});

  expectTypeOf(await mockActor(Oracle, MockOracle)).toEqualTypeOf<AsyncDisposable>();
  // @ts-expect-error a mock has every endpoint of the real actor
  await mockActor(Counter, MockOracle);

  expectTypeOf(manualClock().pending).toEqualTypeOf<readonly number[]>();
}
