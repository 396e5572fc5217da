import { tensor } from '@forge/tensor';
import { add, graph, input, openSession, scalar } from '../../src/index.ts';
import { loadLibrary } from '../../src/session/c-api/library.ts';
import { nativeOptions } from '../../src/session/c-api/options.ts';
import { resolveOptions } from '../../src/session/options.ts';

const model = graph({ y: add(input('x', 'float32', ['rows', 8]), scalar(1)) });
await using session = await openSession(model, { runtime: 'c-api', threads: 1 });
const x = tensor('float32', [4, 8]);
const y = tensor('float32', [4, 8]);
const wide = tensor('float32', [4, 9]);
const { signal } = new AbortController();
const library = await loadLibrary();

/** A native call that fails. Runs that fail do not serve here: onnxruntime 1.30 itself loses 4 KB in each. */
function fail(): void {
  using options = nativeOptions(library, resolveOptions({}));
  try {
    library.check('AddSessionConfigEntry', library.api.addSessionConfigEntry(options.pointer, '', ''));
  } catch {
    return;
  }
  throw new RangeError('An empty key was taken.');
}

/** Five runs: in place, allocated, with a signal, bound, refused. And four calls that fail, since a status is small. */
async function runs(): Promise<void> {
  await session.run({ x }, { y });
  await session.run({ x: tensor('float32', [2, 8]) });
  await session.run({ x }, { y }, { signal });
  using bound = session.bind({ x }, { y });
  await bound.run();
  await session.run({ x: wide }, { y }).catch(() => {});
  for (let call = 0; call < 4; call += 1) fail();
}

/** How much resident memory grew in 10,000 runs, after a collection: what is left is native. */
async function growth(): Promise<number> {
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 2_000; i += 5) await Promise.all(Array.from({ length: 5 }, runs));
  globalThis.gc?.();
  return process.memoryUsage().rss - before;
}

const growths: number[] = [];
for (let round = 0; round < 11; round += 1) growths.push(await growth());
process.stdout.write(JSON.stringify(growths));
