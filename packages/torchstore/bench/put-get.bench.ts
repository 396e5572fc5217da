// 256 MiB through a store that runs in a process of its own, and what the machine does with as many bytes in the same run:
// one memcpy between warm arrays, a copy of a file in the memory folder, pread and pwrite of such a file, TCP over loopback.
// `node bench/put-get.bench.ts [tmpfs | no-koffi | websocket | reshard]...`, all of them by default.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, copyFileSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { thisHost } from '@forge/monarch';
import { bytesOf, copyRegion, type Tensor, tensor } from '@forge/tensor';
import { type Layout, layoutRegion, openStore, releaseViews, type Store, shard } from '../dist/index.js';
import { median, medianMs, print } from './print.ts';
import { ReshardRank } from './reshard-rank.ts';

const rounds = 7;
const shape = [8192, 8192];
const bytes = 8192 * 8192 * 4;

const whole = tensor('float32', shape);
whole.data.fill(1);
const into = tensor('float32', shape);
into.data.fill(2);

const memcpy = () => bytesOf(into).set(bytesOf(whole));

/** Prints a rate; task and control take turns. */
async function report(
  bench: string,
  task: () => unknown,
  control: () => unknown = memcpy,
  moved: number = bytes,
): Promise<void> {
  const gigabytesPerSecond = (ms: number) => moved / ms / 1e6;
  await task();
  await control();
  const times = { task: [] as number[], control: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.control.push(await medianMs(1, control));
    times.task.push(await medianMs(1, task));
  }
  print(bench, gigabytesPerSecond(median(times.task)), 'GB/s', gigabytesPerSecond(median(times.control)));
}

/** Resident memory of this process beyond what it is now, at most, while a task runs. */
async function extraBytes(task: () => Promise<unknown>): Promise<number> {
  const resident = () => Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  const before = resident();
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, resident() - before);
  }, 1);
  await task();
  clearInterval(timer);
  return Math.max(peak, resident() - before);
}

/** A file in the memory folder, and plain calls that move all of it. */
function plainFile() {
  const [path, copy] = [`/dev/shm/forge-bench-${process.pid}`, `/dev/shm/forge-bench-copy-${process.pid}`];
  const descriptor = openSync(path, constants.O_CREAT | constants.O_RDWR, 0o600);
  const each = 64 * 2 ** 20;
  const all = (call: (offset: number) => number) => {
    for (let offset = 0; offset < bytes; offset += each) call(offset);
  };
  const pwrite = () => all((offset) => writeSync(descriptor, bytesOf(whole), offset, each, offset));
  const pread = () => all((offset) => readSync(descriptor, bytesOf(into), offset, each, offset));
  pwrite();
  return {
    pwrite,
    pread,
    copyFile: () => copyFileSync(path, copy),
    [Symbol.dispose]() {
      closeSync(descriptor);
      for (const file of [path, copy]) rmSync(file, { force: true });
    },
  };
}

async function warm(store: Store): Promise<void> {
  // Until a file for each of the puts that overlap has been written and mapped.
  for (let round = 0; round < 8; round += 1) await store.put('w', whole);
}

async function benchTmpfs(): Promise<void> {
  await using store = await openStore({ transport: 'tmpfs' });
  {
    using file = plainFile();
    await report('control: a file in memory copied by the system', file.copyFile);
  }
  await warm(store);
  await report('put 256 MiB, tmpfs', () => store.put('w', whole));
  await report('get 256 MiB into a tensor, tmpfs', () => store.get('w', { into }));
  print('memory of a get beside its target', (await extraBytes(() => store.get('w', { into }))) / 2 ** 20, 'MiB');
  await report('get 256 MiB into a new tensor, tmpfs', () => store.get('w'));
  const viewTimes: number[] = [];
  for (let round = 0; round < 201; round += 1) {
    const start = performance.now();
    const view = await store.get('w', { mapped: true });
    viewTimes.push(performance.now() - start);
    releaseViews(view);
  }
  print('get 256 MiB as a view', median(viewTimes), 'ms');
  await store.delete('w');
  await benchMany(store);
}

/** 1 GiB in 300 tensors, which take their bytes from 256 MiB: none of it is still in a cache when it is used again. */
async function benchMany(store: Store): Promise<void> {
  const length = Math.floor((4 * whole.data.length) / 300);
  const starts = Array.from({ length: 300 }, (_, index) => length * (index % Math.floor(whole.data.length / length)));
  const slices = ({ data }: Tensor<'float32'>) =>
    starts.map((start) => tensor('float32', [length], data.subarray(start, start + length)));
  const named = (tensors: readonly Tensor[]) =>
    Object.fromEntries(tensors.map((each, index) => [`layer${index}`, each]));
  const [sources, targets] = [slices(whole), slices(into)];
  const control = () => {
    for (const [index, target] of targets.entries()) target.data.set(sources[index]!.data); // as many
  };
  const [values, filled] = [named(sources), named(targets)];
  for (let round = 0; round < 3; round += 1) await store.putStateDict('many', values);
  await report('put 1 GiB in 300 tensors, tmpfs', () => store.putStateDict('many', values), control, 4 * bytes);
  await report(
    'get 1 GiB in 300 tensors, tmpfs',
    () => store.getStateDict('many', { into: filled }),
    control,
    4 * bytes,
  );
}

const hideKoffi = `import { registerHooks } from 'node:module';
registerHooks({ resolve(name, context, next) {
  if (name === 'koffi') throw new Error('hidden');
  return next(name, context);
} });`;

/** A process in which koffi does not load. */
function benchWithoutKoffi(): void {
  const flags = ['--import', `data:text/javascript,${encodeURIComponent(hideKoffi)}`];
  execFileSync(process.execPath, [...flags, import.meta.filename, 'plain'], { stdio: 'inherit' });
}

/** The store compared with plain calls for as many bytes, which is as fast as it can be without koffi. */
async function benchPlain(): Promise<void> {
  await using store = await openStore({ transport: 'tmpfs' });
  using file = plainFile();
  await warm(store);
  await report('put 256 MiB without koffi; the control is pwrite', () => store.put('w', whole), file.pwrite);
  await report(
    'get 256 MiB into a tensor without koffi; the control is pread',
    () => store.get('w', { into }),
    file.pread,
  );
}

async function benchWebSocket(): Promise<void> {
  await using store = await openStore({ transport: 'websocket' });
  await report('put 256 MiB, websocket', () => store.put('w', whole));
  await report('get 256 MiB into a tensor, websocket', () => store.get('w', { into }));
}

function piece(layout: Layout) {
  const region = layoutRegion(shape, layout);
  const local: Tensor = tensor('float32', region.size);
  copyRegion(whole, local, { sourceOffset: region.offset, targetOffset: [0, 0], size: region.size });
  return { local, globalShape: shape, layout };
}

/**
 * Four ranks put rows, four other ranks get a quarter each, of rows and columns, in place. The figure is the bytes of the
 * whole tensor by the time until all of them have theirs: in one process one after the other, and in four processes at once.
 */
async function benchReshard(): Promise<void> {
  await using store = await openStore({ transport: 'tmpfs' });
  const four = [0, 1, 2, 3].map((rank) => piece({ mesh: [4], placements: [shard(0)], rank }));
  await Promise.all(four.map((each) => store.put('sharded', each)));
  const targets = [0, 1, 2, 3].map((rank) => {
    const layout = { mesh: [2, 2], placements: [shard(0), shard(1)], rank };
    return { layout, into: tensor('float32', layoutRegion(shape, layout).size) };
  });
  await report('reshard 4 × shard(0) to 2 × 2, one process', async () => {
    for (const target of targets) await store.get('sharded', target);
  });
  await using procs = await thisHost().spawnProcs({ perHost: { rank: 4 } });
  const ranks = await procs.spawn('ranks', ReshardRank, store.reference, shape);
  await report('reshard 4 × shard(0) to 2 × 2, four processes', () => ranks.read.call('sharded'));
}

const benches = {
  tmpfs: benchTmpfs,
  'no-koffi': benchWithoutKoffi,
  plain: benchPlain,
  websocket: benchWebSocket,
  reshard: benchReshard,
};
const wanted = process.argv.slice(2);
const chosen = wanted.length === 0 ? ['tmpfs', 'no-koffi', 'reshard', 'websocket'] : wanted;
for (const [name, bench] of Object.entries(benches)) if (chosen.includes(name)) await bench();
