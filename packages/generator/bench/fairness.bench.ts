import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Random } from '@forge/tensor';
import { type Engine, resolveSamplingParams } from '../src/index.ts';
import { median } from './median.ts';
import { print } from './print.ts';
import { best, generate, openEngine, promptOf, setting, weights } from './small-engine.ts';

const numClients = 64;
const numRequests = 512;
const random = new Random(1);

interface Served {
  readonly tokensPerMs: number;
  /** How long each request waited for a slot, over the mean: as all clients ask for the same, that is its fair share. */
  readonly waits: readonly number[];
}

/** So many clients that ask for the next completion when they have one; prompts and completions are as long as they like. */
async function steadyLoad(engine: Engine): Promise<Served> {
  const started = performance.now();
  const queuedMs: number[] = [];
  let [numAsked, numTokens] = [0, 0];
  let busyMs = 0; // until the first client finds nothing to ask for: then the load is steady no more
  const client = async (): Promise<void> => {
    while (numAsked++ < numRequests) {
      const sampling = { maxTokens: 16 + random.integer(97) };
      const [completion] = await generate(engine, promptOf(4 + random.integer(57)), sampling);
      if (busyMs > 0) continue;
      numTokens += completion!.tokenIds.length;
      queuedMs.push(completion!.timing.queuedMs);
    }
    busyMs ||= performance.now() - started;
  };
  await Promise.all(Array.from({ length: numClients }, client));
  const settledMs = queuedMs.slice(2 * numClients); // those before came all at once
  const fairMs = settledMs.reduce((sum, ms) => sum + ms, 0) / settledMs.length;
  const waits = settledMs.map((ms) => ms / fairMs);
  return { tokensPerMs: numTokens / busyMs, waits };
}

/** A full batch from beginning to end: as many prompts of the mean length, each continued by the mean number of tokens. */
async function staticBatch(engine: Engine, numSequences: number): Promise<number> {
  const started = performance.now();
  const prompts = Array.from({ length: numSequences }, () => promptOf(32));
  await Promise.all(prompts.map((ids) => generate(engine, ids, { maxTokens: 64 })));
  return (numSequences * 64) / (performance.now() - started);
}

for (const maxSequences of [numClients, numClients / 2]) {
  await using engine = await openEngine({ maxSequences });
  await staticBatch(engine, maxSequences);
  const steady: Served[] = [];
  const batches: number[] = [];
  for (let round = 0; round < 5; round++) {
    batches.push(await staticBatch(engine, maxSequences));
    steady.push(await steadyLoad(engine));
  }
  const load = `steady load of ${numClients} requests on ${maxSequences} slots, ${setting}`;
  print({
    bench: `${load}; control: a full static batch`,
    value: best(steady.map(({ tokensPerMs }) => tokensPerMs)) * 1e3,
    unit: 'tokens/s',
    control: best(batches) * 1e3,
  });
  if (maxSequences === numClients) continue;
  print({
    bench: `longest wait of ${load}; control: the mean`,
    value: median(steady.map(({ waits }) => Math.max(...waits))),
    unit: 'means',
    control: 1,
  });
}

// One sequence of 32 tells when each of its tokens came, while the weights are exchanged.
await using engine = await openEngine();
const [quiet, updated]: readonly [number[], number[]] = [[], []];
for (let round = 0; round < 8; round++) {
  const gaps: { readonly ms: number; readonly isUpdate: boolean }[] = [];
  let version = engine.version;
  let last = 0;
  const onDelta = (): void => {
    const now = performance.now();
    if (last > 0) gaps.push({ ms: now - last, isUpdate: engine.version !== version });
    version = engine.version;
    last = now;
    if (gaps.length % 20 === 10) void engine.update(weights, version + 1, 'inFlight');
  };
  const params = resolveSamplingParams({ n: 32, maxTokens: 200 });
  const watched = engine.generate({ text: '', ids: promptOf(16) }, resolveSamplingParams({ maxTokens: 200 }), {
    onDelta,
  });
  await Promise.all([engine.generate({ text: '', ids: promptOf(16) }, { ...params, n: 31 }), watched]);
  for (const { ms, isUpdate } of gaps) (isUpdate ? updated : quiet).push(ms);
}
print({
  bench: `from token to token across an update in flight, ${setting}; control: without one`,
  value: median(updated),
  unit: 'ms',
  control: median(quiet),
});

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
for (let round = 0; round < 10; round++) await staticBatch(engine, 32);
delay.disable();
const heldMs = (percentile: number): number => delay.percentile(percentile) / 1e6 - 1; // it counts from timer to timer
print({ bench: `event loop held in steps, 99th percentile, ${setting}`, value: heldMs(99), unit: 'ms', control: 2 });
print({ bench: `event loop held in steps, longest, ${setting}`, value: delay.max / 1e6 - 1, unit: 'ms', control: 2 });
