// 256 MiB through a store that runs in a process of its own. The control is one memcpy of as many bytes between warm buffers.
import { bytesOf, copyRegion, type Tensor, tensor } from '@forge/tensor';
import { type Layout, layoutRegion, openStore, releaseViews, replicate, shard } from '../dist/index.js';
import { medianMs, print } from './print.ts';

const rounds = 5;
const shape = [8192, 8192];
const bytes = 8192 * 8192 * 4;

const whole = tensor('float32', shape);
whole.data.fill(1);
const into = tensor('float32', shape);
into.data.fill(2);

async function report(bench: string, task: () => unknown): Promise<void> {
  await task();
  const control = bytes / (await medianMs(rounds, () => bytesOf(into).set(bytesOf(whole)))) / 1e6;
  print(bench, bytes / (await medianMs(rounds, task)) / 1e6, 'GB/s', control);
}

function piece(layout: Layout) {
  const region = layoutRegion(shape, layout);
  const local: Tensor = tensor('float32', region.size);
  copyRegion(whole, local, { sourceOffset: region.offset, targetOffset: [0, 0], size: region.size });
  return { local, globalShape: shape, layout };
}

for (const transport of ['tmpfs', 'websocket'] as const) {
  await using store = await openStore({ transport });
  // Until a file for each of the puts that overlap has been written and mapped.
  if (transport === 'tmpfs') for (let round = 0; round < 8; round += 1) await store.put('w', whole);
  await report(`put 256 MiB, ${transport}`, () => store.put('w', whole));
  await report(`get 256 MiB into a tensor, ${transport}`, () => store.get('w', { into }));
  await report(`get 256 MiB into a new tensor, ${transport}`, () => store.get('w'));
  if (transport === 'tmpfs') {
    const ms = await medianMs(41, async () => releaseViews(await store.get('w', { mapped: true })));
    print(`get 256 MiB as a view and release it, ${transport}`, ms, 'ms');
  }

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
  const ms = await medianMs(rounds, () => store.getStateDict('many'));
  print(`getStateDict of 300 × 4 KiB, ${transport}`, (300 / ms) * 1000, 'tensors/s');
}
