// What a store costs beside moving bytes: calls to its controller, small tensors, many of them, and planning. The control
// of a call is a bare call of an actor in another process; of many tensors, a memcpy of as many bytes in as many pieces.
import { Actor, endpoint, thisHost } from '@forge/monarch';
import { bytesOf, type Tensor, tensor } from '@forge/tensor';
import { type Layout, layoutRegion, openStore, shard } from '../dist/index.js';
import { Planner } from '../dist/planner.js';
import { median, medianMs, print } from './print.ts';

export class Echo extends Actor {
  static readonly module: string = import.meta.url;
  readonly echo = endpoint((value: unknown) => value);
}

/** The median of single operations, in microseconds. */
async function eachUs(count: number, task: () => Promise<unknown>): Promise<number> {
  for (let index = 0; index < 200; index += 1) await task();
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = performance.now();
    await task();
    times.push(performance.now() - start);
  }
  return median(times) * 1000;
}

async function calls(): Promise<void> {
  await using procs = await thisHost().spawnProcs();
  const echo = await procs.spawn('echo', Echo);
  await using store = await openStore();
  const small = tensor('float32', [1024]);
  await store.put('small', small);
  const control = await eachUs(2000, () => echo.echo.callOne(['small']));
  print('exists p50', await eachUs(2000, () => store.exists('small')), 'us', control);
  // An empty tensor is located, pinned and released, and no byte moves.
  await store.put('empty', tensor('float32', [0]));
  print('locate p50', await eachUs(2000, () => store.get('empty')), 'us', control);
  print('put 4 KiB p50', await eachUs(2000, () => store.put('small', small)), 'us', control);
  print('get 4 KiB p50', await eachUs(2000, () => store.get('small')), 'us', control);
  print('get 4 KiB into a tensor p50', await eachUs(2000, () => store.get('small', { into: small })), 'us', control);
}

async function many(transport: 'tmpfs' | 'websocket'): Promise<void> {
  await using store = await openStore({ transport });
  const count = 10_000;
  const values = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`layer.${index}.weight`, tensor('float32', [32, 32])]),
  );
  const keys = Object.keys(values);
  const copies = Object.values(values);
  const control = await medianMs(5, () => {
    for (const each of copies) bytesOf(tensor('float32', [32, 32])).set(bytesOf(each));
  });
  const perSecond = (ms: number) => (count / ms) * 1000;
  const put = await medianMs(5, () => store.putBatch(values));
  print(`putBatch of 10,000 × 4 KiB, ${transport}`, perSecond(put), 'tensors/s', perSecond(control));
  const get = await medianMs(7, () => store.getBatch(keys));
  print(`getBatch of 10,000 × 4 KiB, ${transport}`, perSecond(get), 'tensors/s', perSecond(control));
  const into = Object.fromEntries(keys.map((key) => [key, { into: tensor('float32', [32, 32]) }]));
  const filled = await medianMs(7, () => store.getBatch(into));
  print(`getBatch of 10,000 × 4 KiB into tensors, ${transport}`, perSecond(filled), 'tensors/s', perSecond(control));
}

/** Planning alone: located tensors to boxes, for layouts that are new and for those seen before. */
function planning(): void {
  const shape = [64, 64];
  const from = { mesh: [4], placements: [shard(0)] };
  const to: Layout = { mesh: [2, 2], placements: [shard(0), shard(1)], rank: 3 };
  const target: Tensor = tensor('float32', layoutRegion(shape, to).size);
  const located = (version: number) =>
    Array.from({ length: 1000 }, (_, index) => ({
      key: `policy_ver_${version}.${index}`,
      dtype: 'float32' as const,
      shape: [64 + index, 64],
      generation: version,
      version,
      parts: [0, 1, 2, 3].map((rank) => ({
        region: layoutRegion([64 + index, 64], { ...from, rank }),
        place: { volume: 'v0', segment: `s/${version}`, byteOffset: 0, byteLength: 4096 },
      })),
    }));
  const run = (planner: Planner, version: number) => {
    const tensors = located(version);
    const start = performance.now();
    planner.plan(
      tensors.map((each) => ({ located: each, region: layoutRegion(each.shape, to), target })),
      () => 0,
    );
    return performance.now() - start;
  };
  const first = median([1, 2, 3, 4, 5].map((version) => run(new Planner(), version)));
  const planner = new Planner();
  for (let version = 0; version < 20; version += 1) run(planner, version);
  const second = median(Array.from({ length: 21 }, (_, version) => run(planner, version)));
  print('planning 1,000 tensors of layouts seen before', second, 'ms', first);
}

if (import.meta.main) {
  planning();
  await calls();
  await many('tmpfs');
  await many('websocket');
}
