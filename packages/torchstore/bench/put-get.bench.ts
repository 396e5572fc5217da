// 256 MiB through a store that runs in a process of its own. The control is one memcpy of as many bytes between warm buffers.
import { bytesOf, copyRegion, type Tensor, tensor } from '@forge/tensor';
import { type Layout, layoutRegion, openStore, replicate, type Store, shard } from '../dist/index.js';

const rounds = 5;
const shape = [8192, 8192];
const bytes = 8192 * 8192 * 4;

async function medianSeconds(task: () => unknown): Promise<number> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await task();
    seconds.push((performance.now() - start) / 1000);
  }
  return seconds.sort((a, b) => a - b)[Math.floor(rounds / 2)]!;
}

const whole = tensor('float32', shape);
whole.data.fill(1);
const into = tensor('float32', shape);
into.data.fill(2);

async function report(bench: string, task: () => unknown): Promise<void> {
  await task();
  const control = bytes / (await medianSeconds(() => bytesOf(into).set(bytesOf(whole)))) / 1e9;
  const value = bytes / (await medianSeconds(task)) / 1e9;
  const round = (figure: number) => Number(figure.toFixed(2));
  console.log(
    JSON.stringify({
      bench,
      value: round(value),
      unit: 'GB/s',
      control: round(control),
      ratio: round(value / control),
    }),
  );
}

function piece(layout: Layout) {
  const region = layoutRegion(shape, layout);
  const local: Tensor = tensor('float32', region.size);
  copyRegion(whole, local, { sourceOffset: region.offset, targetOffset: [0, 0], size: region.size });
  return { local, globalShape: shape, layout };
}

async function latency(store: Store, transport: string): Promise<void> {
  const small = tensor('float32', [16]);
  await store.put('small', small);
  const count = 500;
  for (const [what, task] of [
    ['put', () => store.put('small', small)],
    ['get', () => store.get('small', { into: small })],
  ] as const) {
    const seconds = await medianSeconds(async () => {
      for (let index = 0; index < count; index += 1) await task();
    });
    console.log(
      JSON.stringify({ bench: `${what} 64 B, ${transport}`, value: Math.round((seconds / count) * 1e6), unit: 'us' }),
    );
  }
}

for (const transport of ['tmpfs', 'websocket'] as const) {
  await using store = await openStore({ transport });
  await report(`put 256 MiB, ${transport}`, () => store.put('w', whole));
  await report(`get 256 MiB into a tensor, ${transport}`, () => store.get('w', { into }));
  await report(`get 256 MiB into a new tensor, ${transport}`, () => store.get('w'));

  const four = [0, 1, 2, 3].map((rank) => piece({ mesh: [4], placements: [shard(0)], rank }));
  await Promise.all(four.map((each) => store.put('sharded', each)));
  const targets = [0, 1, 2, 3].map((rank) => {
    const layout = { mesh: [2, 2], placements: [shard(0), shard(1)], rank };
    return { layout, into: tensor('float32', layoutRegion(shape, layout).size) };
  });
  await report(`reshard 4 × shard(0) to 2 × 2, ${transport}`, async () => {
    for (const target of targets) await store.get('sharded', target);
  });
  const rows = { mesh: [2, 2], placements: [replicate(), shard(0)], rank: 3 };
  const half = tensor('float32', layoutRegion(shape, rows).size);
  await report(`get half (figure counts the whole), ${transport}`, () =>
    store.get('sharded', { layout: rows, into: half }),
  );

  const layers = Object.fromEntries(
    Array.from({ length: 300 }, (_, layer) => [`layer${layer}`, tensor('float32', [32, 32])]),
  );
  await store.putStateDict('many', layers);
  const seconds = await medianSeconds(() => store.getStateDict('many'));
  console.log(
    JSON.stringify({
      bench: `getStateDict of 300 × 4 KiB, ${transport}`,
      value: Math.round(300 / seconds),
      unit: 'tensors/s',
    }),
  );
  await latency(store, transport);
}
