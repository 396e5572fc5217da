// What a store costs beside moving bytes: calls to its controller, small tensors, many of them, and planning. The control
// of a call is a bare call of an actor in another process; of many tensors, a memcpy of as many bytes in as many pieces; of
// planning a layout that was seen before, planning it anew. `node bench/metadata.bench.ts calls` runs one part.
import { Actor, endpoint, thisHost } from '@forge/monarch';
import { bytesOf, type Tensor, tensor } from '@forge/tensor';
import { type Layout, layoutRegion, openStore, shard } from '../dist/index.js';
import { Planner } from '../dist/planner.js';
import { median, medianMs, print } from './print.ts';

export class Echo extends Actor {
  static readonly module: string = import.meta.url;
  readonly echo = endpoint((value: unknown) => value);
  readonly note = endpoint((_: unknown): void => {});
}

/**
 * The medians of single operations, in microseconds. They take turns in short runs: what else the machine does meets all of
 * them alike.
 */
export async function eachUs<Name extends string>(
  tasks: Readonly<Record<Name, () => Promise<unknown>>>,
  { rounds = 40, perRound = 50 } = {},
): Promise<Record<Name, number>> {
  const names = Object.keys(tasks) as Name[]; // keys of tasks
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = -4; round < rounds; round += 1) {
    for (const name of names) {
      for (let index = 0; index < perRound; index += 1) {
        const start = performance.now();
        await tasks[name]();
        if (round >= 0) times.get(name)?.push((performance.now() - start) * 1000); // the first rounds warm up
      }
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<Name, number>;
}

async function calls(): Promise<void> {
  await using procs = await thisHost().spawnProcs();
  const echo = await procs.spawn('echo', Echo);
  await using store = await openStore();
  await using outside = await openStore({ inlineBytes: 0 });
  const small = tensor('float32', [1024]);
  const into = tensor('float32', [1024]);
  await store.put('small', small);
  await outside.put('small', small);
  // An empty tensor is located and nothing else: no byte moves.
  await store.put('empty', tensor('float32', [0]));
  await using lease = await store.lease('small');
  const { callOne, ...operations } = await eachUs({
    callOne: () => echo.echo.callOne('small'),
    exists: () => store.exists('small'),
    locate: () => store.get('empty'),
    'put of 4 KiB': () => store.put('small', small),
    'get of 4 KiB': () => store.get('small'),
    'get of 4 KiB into a tensor': () => store.get('small', { into }),
    'get of 4 KiB through a lease': () => lease.get('small'),
    'put of 4 KiB on a volume': () => outside.put('small', small),
    'get of 4 KiB from a volume': () => outside.get('small'),
  });
  for (const [name, us] of Object.entries(operations)) print(`${name}, p50 beside callOne`, us, 'us', callOne);
  const echoed = bytesOf(small);
  const carried = await eachUs({
    callOne: () => echo.echo.callOne('small'),
    'callOne with 4 KiB there and back': () => echo.echo.callOne(echoed),
  });
  print(
    'callOne with 4 KiB there and back, p50 beside callOne',
    carried['callOne with 4 KiB there and back'],
    'us',
    carried.callOne,
  );
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

const parts = {
  planning,
  calls,
  tmpfs: () => many('tmpfs'),
  websocket: () => many('websocket'),
};

if (import.meta.main) {
  const [, , only] = process.argv;
  for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) await part();
}
