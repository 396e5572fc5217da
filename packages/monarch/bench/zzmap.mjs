import { thisHost } from '@forge/monarch';
import { Store } from '/work/wt/bulk/packages/monarch/bench/actors/store.ts';

const BYTES = 64 * 2 ** 20;
const n = +process.argv[2] || 60;
const procs = await thisHost().spawnProcs({ perHost: { worker: 1 } });
const store = (await procs.spawn('store', Store)).slice({ worker: 0 });
const data = new Uint8Array(BYTES).fill(1);
for (let i = 0; i < 40; i++) await store.take.callOne(data);
const t = [];
for (let i = 0; i < n; i++) {
  const t0 = performance.now();
  await store.take.callOne(data);
  t.push(performance.now() - t0);
}
console.log(t.map((x) => x.toFixed(0)).join(' '));
t.sort((a, b) => a - b);
console.log(
  'median',
  t[n >> 1].toFixed(1),
  (BYTES / t[n >> 1] / 1e6).toFixed(2),
  'GB/s',
  'p25',
  t[n >> 2].toFixed(1),
  'p75',
  t[(n * 3) >> 2].toFixed(1),
);
process.exit();
