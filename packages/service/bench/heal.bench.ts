import { attachToHosts, type HostMesh } from '@forge/monarch';
import type { ServiceEvent, ServiceOptions } from '@forge/service';
import { startHost } from '../test/fixtures/start-host.ts';
import { Echo } from './echo.ts';
import { median, report } from './figure.ts';

// How long a replica is away, against a bare start of the same actor on a process of its own, in turns within one run.
const ROUNDS = 3;
const CALLS = 10_000;
/** A machine counts as lost after so long without a sign of it: a choice between speed and patience. */
const SILENCE_MS = 500;

/** Milliseconds that a start of one replica takes by itself, under the same load. */
async function bareStartMs(hosts?: HostMesh<string>): Promise<number> {
  const start = performance.now();
  await using actor = await Echo.options(hosts ? { hosts } : {}).asActor();
  await actor.echo.callOne(1);
  return performance.now() - start;
}

/** A service of four replicas, its calls until told otherwise, and the times of its events. */
async function underLoad<R>(
  options: ServiceOptions<Echo, 1>,
  task: (service: Awaited<ReturnType<typeof started>>, cameBack: (count: number) => Promise<number>) => Promise<R>,
): Promise<R> {
  const times: number[] = [];
  let heard = () => {};
  const onEvent = (event: ServiceEvent) => {
    if (event.type !== 'replicaStateChanged' || event.to !== 'healthy') return;
    times.push(performance.now());
    heard();
  };
  await using service = await started({ ...options, onEvent });
  times.length = 0;
  const cameBack = async (count: number) => {
    while (times.length < count) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
    return times[count - 1]!;
  };
  const calls = Array.from({ length: CALLS }, async (_, id) => {
    if ((await service.again.route(id)) !== id) throw new RangeError(`Call ${id} was answered wrongly.`);
  });
  const result = await task(service, cameBack);
  await Promise.all(calls);
  return result;
}

const started = async (options: ServiceOptions<Echo, 1>) =>
  await Echo.options({ ...options, numReplicas: 4, maxQueuedRequests: 2 * CALLS }).asService();

/** Lets something happen that costs `lost` replicas, again and again. */
async function recovery(bench: string, round: () => Promise<{ readonly awayMs: number; readonly bareMs: number }>) {
  const away: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const { awayMs, bareMs } = await round();
    away.push(awayMs);
    bare.push(bareMs);
  }
  const [value, control] = [median(away), median(bare)];
  report({ bench, value, unit: 'ms', control });
  report({ bench: `${bench}, beyond its own start`, value: value - control, unit: 'ms', control: 1_000 });
}

await recovery('heal: one of four replicas is killed under 10,000 calls, against a bare start', async () => {
  const bareMs = await bareStartMs();
  const awayMs = await underLoad({}, async (service, cameBack) => {
    const [victim = 0] = await service.pid.fanout();
    const start = performance.now();
    process.kill(victim, 'SIGKILL');
    return (await cameBack(1)) - start;
  });
  return { awayMs, bareMs };
});

await recovery(
  'heal: a rolling update, for each of four replicas under 10,000 calls, against a bare start',
  async () => {
    const bareMs = await bareStartMs();
    const awayMs = await underLoad({}, async (service) => {
      const start = performance.now();
      await service.rollingUpdate();
      return (performance.now() - start) / 4;
    });
    return { awayMs, bareMs };
  },
);

await recovery(
  'heal: a host with two of four replicas disappears under 10,000 calls, 500 ms of silence included, against a bare start',
  async () => {
    await using near = await startHost();
    await using far = await startHost();
    await using hosts = await attachToHosts([near.address, far.address], { partitionTimeoutMs: SILENCE_MS });
    const bareMs = await bareStartMs(hosts);
    const awayMs = await underLoad({ hosts }, async (_, cameBack) => {
      const start = performance.now();
      far.child.kill('SIGKILL');
      return (await cameBack(2)) - start;
    });
    return { awayMs, bareMs };
  },
);
