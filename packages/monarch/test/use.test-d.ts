import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import {
  Actor,
  type ActorMesh,
  attachToHosts,
  endpoint,
  type HostMesh,
  type OwnedMesh,
  type ProcMesh,
  streamEndpoint,
  thisHost,
  type ValueMesh,
} from '../src/index.ts';

export class Counter extends Actor {
  static readonly module: string = import.meta.url;
  #value: number;
  constructor(initial: number) {
    super();
    this.#value = initial;
  }
  readonly increment = endpoint((by: number) => {
    this.#value += by;
    return this.#value;
  });
  readonly load = endpoint(
    async (value: number): Promise<void> => {
      this.#value = value;
    },
    { timeoutMs: 5_000 },
  );
  readonly count = streamEndpoint(async function* (upTo: number) {
    for (let i = 0; i < upTo; i++) yield i;
  });
  hidden(): void {}
}

export class Checked extends Actor {
  static readonly module: string = import.meta.url;
  readonly add = endpoint([z.number(), z.coerce.number<string>()], (a, b) => {
    expectTypeOf(b).toEqualTypeOf<number>();
    return a + b;
  });
  readonly greet = endpoint(z.object({ name: z.string().default('you') }), ({ name }) => name.length, { timeoutMs: 5 });
  readonly count = streamEndpoint(z.int(), async function* (upTo) {
    expectTypeOf(upTo).toEqualTypeOf<number>();
    yield upTo;
  });
  // @ts-expect-error the schema makes a number
  readonly wrong = endpoint(z.number(), (text: string) => text);
}

export async function checked(): Promise<void> {
  await using procs = await thisHost().spawnProcs();
  await using mesh = await procs.spawn('checked', Checked);
  expectTypeOf(await mesh.add.callOne(1, '2')).toEqualTypeOf<number>();
  expectTypeOf(await mesh.greet.callOne({})).toEqualTypeOf<number>();
  for await (const { value } of mesh.count.stream(3)) expectTypeOf(value).toEqualTypeOf<number>();
  // @ts-expect-error callers give what the schema takes
  await mesh.add.callOne(1, 2);
  // @ts-expect-error two arguments
  await mesh.add.callOne(1);
  await mesh.add.with({ choose: { key: 7n } }).choose(1, '2');
  // @ts-expect-error no such policy
  mesh.add.with({ choose: 'sticky' });
}

export async function machines(): Promise<void> {
  await using hosts = await attachToHosts(['gpu1:7000', Promise.resolve('gpu2:7000')], { tokenFile: 'forge.token' });
  await using procs = await hosts.spawnProcs({ perHost: { gpus: 8 } });
  expectTypeOf(procs).toEqualTypeOf<ProcMesh<'hosts' | 'gpus'>>();
  expectTypeOf(await hosts.slice({ hosts: 0 }).spawnProcs()).toEqualTypeOf<ProcMesh<never>>();
  // @ts-expect-error certificates are three files
  await attachToHosts(['gpu1:7000'], { tls: { cert: 'host.pem' } });
}

export async function use(): Promise<void> {
  await using procs = await thisHost().spawnProcs({ perHost: { replica: 4, shard: 2 } });
  await using counters = await procs.spawn('counters', Counter, 0);
  expectTypeOf(counters).toEqualTypeOf<OwnedMesh<Counter, 'replica' | 'shard'>>();
  ({
    ...{ increment: 1, load: 1, count: 1, extent: 1, length: 1 },
    ...{ slice: 1, flatten: 1, split: 1, rename: 1 },
  }) satisfies Record<keyof ActorMesh<Counter, 'replica'>, 1>;
  const values = await counters.increment.with({ timeoutMs: 100 }).call(1);
  expectTypeOf(values).toEqualTypeOf<ValueMesh<number, 'replica' | 'shard'>>();
  expectTypeOf(values.item({ replica: 1, shard: 0 })).toEqualTypeOf<number>();
  for await (const { point, outcome } of counters.increment.call(1)) {
    point.at('replica');
    // @ts-expect-error there is no such dimension
    point.at('rack');
    if (outcome.ok) expectTypeOf(outcome.value).toEqualTypeOf<number>();
    else expectTypeOf(outcome.error.code).toBeString();
  }
  const one = counters.slice({ replica: 0, shard: 1 });
  expectTypeOf(one).toEqualTypeOf<ActorMesh<Counter, never>>();
  expectTypeOf(await one.increment.callOne(1)).toEqualTypeOf<number>();
  expectTypeOf(await one.load.callOne(1)).toEqualTypeOf<void>();
  for await (const { value } of one.count.stream(3)) expectTypeOf(value).toEqualTypeOf<number>();
  const row = counters.slice({ replica: { from: 1 }, shard: 0 });
  expectTypeOf(row).toEqualTypeOf<ActorMesh<Counter, 'replica'>>();
  // @ts-expect-error slice to one actor first
  counters.increment.callOne(1);
  // @ts-expect-error not an endpoint
  counters.hidden;
  // @ts-expect-error string is not number
  counters.load.broadcast('x');
  // @ts-expect-error shard is missing
  values.item({ replica: 1 });
  // @ts-expect-error a stream is not called
  counters.count.call(1);
  // @ts-expect-error a slice is not owned
  one.stop();
  // @ts-expect-error there is no such dimension
  counters.slice({ rack: 0 });
  const whole = { mesh: counters, values, procs };
  expectTypeOf(whole.mesh.rename({ shard: 'tp' })).toEqualTypeOf<ActorMesh<Counter, 'replica' | 'tp'>>();
  expectTypeOf(whole.procs.flatten('proc')).toEqualTypeOf<ProcMesh<'proc'>>();
  expectTypeOf(whole.values.split({ replica: ['dp', 'pp'] }, { pp: 2 })).toEqualTypeOf<
    ValueMesh<number, 'dp' | 'pp' | 'shard'>
  >();
  expectTypeOf(thisHost().flatten('machine')).toEqualTypeOf<HostMesh<'machine'>>();
  // @ts-expect-error there is no such dimension
  values.split({ rack: ['a', 'b'] });
  // @ts-expect-error replica is not split into rack
  values.split({ replica: ['dp', 'pp'] }, { rack: 2 });
  // @ts-expect-error a list of names
  values.split({ replica: 'dp' });
  // @ts-expect-error there is no such dimension
  counters.rename({ rack: 'host' });
  await one.flatten('only').slice({ only: 0 }).increment.callOne(1);
  const anywhere: ActorMesh<Counter, string> = counters;
  expectTypeOf(await anywhere.increment.callOne(1)).toEqualTypeOf<number>();
  expectTypeOf<ActorMesh<Counter, 'replica'>>().toExtend<ActorMesh<Counter, string>>();
  expectTypeOf<ActorMesh<Counter, never>>().toExtend<ActorMesh<Counter, string>>();
  expectTypeOf<ProcMesh<'replica'>>().toExtend<ProcMesh<string>>();
  // @ts-expect-error the constructor takes a number
  await procs.spawn('counters', Counter, 'x');
  const single = await thisHost().spawnProcs();
  const only = await single.spawn('only', Counter, 1);
  expectTypeOf(await only.increment.callOne(1)).toEqualTypeOf<number>();
}
