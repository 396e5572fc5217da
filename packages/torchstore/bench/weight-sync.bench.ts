// A float32 state dict with the shapes of Qwen3-0.6B (2.4 GB) from one process to others of this host, version after
// version: from the start of the publishing until the last reader can use it. The control is one memcpy of as many bytes.
// `node bench/weight-sync.bench.ts [layers]`: fewer than 28 layers where memory is short.
import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { thisHost } from '@forge/monarch';
import { openStore } from '../dist/index.js';
import { median, print } from './print.ts';
import { SyncReader, SyncWriter } from './weight-sync-actors.ts';

const rounds = 5;
/** Versions that make the memory before the figures count. */
const warmRounds = 2;
const layerBytes = 15_730_944 * 4;
const restBytes = 155_583_488 * 4;
// The writer's copy, two in the store, a reader's, and half of the memory for others.
const fitting = Math.floor((freemem() / 8 - restBytes) / layerBytes);
const layers = Number(process.argv[2] ?? Math.max(1, Math.min(28, fitting)));
const bytes = restBytes + layers * layerBytes;

function bytesInMemoryFolder(): number {
  const { bsize, blocks, bfree } = statfsSync('/dev/shm');
  return (blocks - bfree) * bsize;
}

/** Memory of a process beside the files that it has mapped. */
function anonymousBytes(pid: number): number {
  return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024;
}

const ways = {
  'published and viewed': { readers: [1, 3], publishes: true, copies: false },
  'put and viewed': { readers: [3], publishes: false, copies: false },
  'put and copied': { readers: [1], publishes: false, copies: true },
};

for (const [way, { readers: counts, publishes, copies }] of Object.entries(ways)) {
  for (const readers of counts) {
    const before = bytesInMemoryFolder();
    await using store = await openStore();
    await using writers = await thisHost().spawnProcs({ name: 'writer' });
    await using procs = await thisHost().spawnProcs({ perHost: { reader: readers }, name: 'reader' });
    const writer = await writers.spawn('writer', SyncWriter, store.reference, layers);
    const mesh = await procs.spawn('readers', SyncReader, store.reference);
    const pids = [await writer.pid.callOne(), ...(await mesh.pid.call()).values()];
    const anonymous = () => pids.reduce((sum, pid) => sum + anonymousBytes(pid), 0);
    const idle = anonymous();
    await writer.allocate.callOne(publishes);
    const times = { publish: [] as number[], sync: [] as number[], prepare: [] as number[] };
    let peak = 0;
    for (let version = 1; version <= warmRounds + rounds; version += 1) {
      await writer.step.callOne(version);
      const start = performance.now();
      const prefix = await (publishes ? writer.publish : writer.put).callOne(version);
      const published = performance.now();
      for (const each of (await mesh.sync.call(prefix, copies)).values())
        if (each !== version) throw new Error(`A reader has ${each} instead of version ${version}.`);
      const synced = performance.now();
      if (publishes) await writer.prepare.callOne();
      peak = Math.max(peak, bytesInMemoryFolder() - before + anonymous() - idle);
      if (version <= warmRounds) continue;
      times.publish.push(published - start);
      times.sync.push(synced - start);
      times.prepare.push(performance.now() - synced);
    }
    const control = await writer.memcpyMs.callOne();
    const title = `${(bytes / 1e9).toFixed(2)} GB ${way} by ${readers}`;
    print(`weight sync, ${title}`, median(times.sync), 'ms', control);
    print(`of it publishing, ${title}`, median(times.publish), 'ms', control);
    if (publishes) print(`preparing for the next step, ${title}`, median(times.prepare), 'ms', control);
    print(`memory of all processes and the store, ${title}`, peak / bytes, 'copies');
  }
}
