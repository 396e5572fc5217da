import { expectTypeOf } from 'vitest';
import {
  Actor,
  type ActorMesh,
  endpoint,
  exportBuffer,
  fold,
  type HostMesh,
  merge,
  openPort,
  type Port,
  type ProcMesh,
  type Receiver,
  type RemoteBuffer,
  thisHost,
} from '../src/index.ts';

interface Progress {
  readonly step: number;
}

export class Worker extends Actor {
  static readonly module: string = import.meta.url;
  readonly run = endpoint(async (progress: Port<Progress>) => await progress.send({ step: 1 }));
  readonly memory = endpoint((): RemoteBuffer => exportBuffer(new Uint8Array(8)));
}

/** Takes everything that travels as a reference, and gives it back as one. */
export class Swapper extends Actor {
  static readonly module: string = import.meta.url;
  readonly swap = endpoint((procs: ProcMesh<'proc'>, hosts: HostMesh<never>, worker: ActorMesh<Worker, 'proc'>) => ({
    procs,
    hosts,
    worker,
  }));
}

export async function ports(): Promise<void> {
  using inbox = openPort<Progress>();
  expectTypeOf(inbox).toEqualTypeOf<Receiver<Progress>>();
  expectTypeOf(inbox.port).toEqualTypeOf<Port<Progress>>();
  expectTypeOf(await inbox.receive({ timeoutMs: 1, signal: AbortSignal.timeout(1) })).toEqualTypeOf<Progress>();
  for await (const { step } of inbox.take(3)) expectTypeOf(step).toEqualTypeOf<number>();
  expectTypeOf(await fold(inbox, 0, (sum, { step }) => sum + step)).toEqualTypeOf<number>();
  for await (const item of merge([inbox, inbox.take(1)])) expectTypeOf(item).toEqualTypeOf<Progress>();
  // @ts-expect-error another type of value
  await inbox.port.send('step 1');
  // @ts-expect-error errors are Errors
  await inbox.port.fail('broken');
  // @ts-expect-error values are received by the one who opened it
  inbox.port.receive();
  // @ts-expect-error a receiver does not travel, its port does
  expectTypeOf(inbox).toExtend<Port<Progress>>();
}

export async function references(): Promise<void> {
  await using procs = await thisHost().spawnProcs({ perHost: { proc: 2 } });
  await using workers = await procs.spawn('workers', Worker);
  const one = workers.slice({ proc: 0 });
  await using swappers = await procs.spawn('swappers', Swapper);
  const swapper = swappers.slice({ proc: 0 });
  using inbox = openPort<Progress>();
  await workers.run.call(inbox.port);
  using words = openPort<string>();
  // @ts-expect-error a port of another type
  await workers.run.call(words.port);
  // A mesh that is owned goes for one that is not; what arrives is not owned.
  const { procs: lent, hosts, worker } = await swapper.swap.callOne(procs, thisHost(), workers);
  expectTypeOf(lent).toEqualTypeOf<ProcMesh<'proc'>>();
  expectTypeOf(hosts).toEqualTypeOf<HostMesh<never>>();
  expectTypeOf(worker).toEqualTypeOf<ActorMesh<Worker, 'proc'>>();
  // @ts-expect-error only the owner stops it
  await worker.stop();
  // @ts-expect-error a mesh of other dimensions
  await swapper.swap.callOne(procs.flatten('gpu'), thisHost(), workers);
  const buffer = await one.memory.callOne();
  expectTypeOf(buffer).toEqualTypeOf<RemoteBuffer>();
  await buffer.readInto(new Uint8Array(8), { offset: 0 });
  // @ts-expect-error bytes go into memory
  await buffer.readInto([1, 2]);
}
