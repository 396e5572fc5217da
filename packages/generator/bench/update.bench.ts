import { EventEmitter, on } from 'node:events';
import { readFileSync } from 'node:fs';
import { initializeLora, type LoraConfig, type Quantization } from '@forge/models';
import { Engine, type LentAdapters, lendWeights, Runner, resolveSamplingParams } from '../src/index.ts';
import { median } from './median.ts';
import { largeModel, smallModel } from './model.ts';
import { print } from './print.ts';

// An update of the weights in the middle of a completion, at the shape of Qwen3-0.6B with random weights: how long the
// completion stands still, how fast it goes meanwhile, and what memory it takes. Control: the steps before the update. The
// new weights lie where the old ones lay, as those of a store lie in its pages. Then one of adapters beside those weights.
// Run: node bench/update.bench.ts [float32|int8|int4 …]; LAYERS=4 for a small machine.
const threads = 2;
const numLayers = Number(process.env['LAYERS'] ?? 28);
const ownBytes = await bytesWithoutModel();
const lora: LoraConfig = { rank: 16 };
const forms = process.argv.slice(2) as ('float32' | Quantization)[];

for (const form of forms.length > 0 ? forms : (['int4', 'int8', 'float32'] as const)) {
  const first = largeModel(numLayers);
  const numWeightBytes = Object.values(first.weights).reduce((sum, { data }) => sum + data.byteLength, 0);
  const quantization = form === 'float32' ? undefined : form;
  const runner = await Runner.open(first.config, first.weights, { threads, quantization });
  await using engine = new Engine({ runner, decode: (ids) => ids.join(' ') });
  const tokensAtMs: number[] = [];
  const tokens = new EventEmitter();
  /** Waits until there are so many; whoever looks for them in turns takes a core from the steps. */
  const untilTokens = async (count: number): Promise<void> => {
    for await (const _ of on(tokens, 'token')) if (tokensAtMs.length >= count) return;
  };
  const stop = new AbortController();
  const params = resolveSamplingParams({ maxTokens: 4000 });
  const completion = engine.generate({ text: '', ids: [1, 2, 3, 4] }, params, {
    signal: stop.signal,
    onDelta() {
      tokensAtMs.push(performance.now());
      tokens.emit('token');
    },
  });
  const setting = `${form}, ${numLayers} layers of the 0.6B shape, ${threads} threads`;
  const measure = async (what: string, update: () => Promise<unknown>): Promise<void> => {
    const numBefore = tokensAtMs.length;
    await untilTokens(numBefore + 24);
    const startedAtMs = performance.now();
    await update();
    const endedAtMs = performance.now();
    await untilTokens(tokensAtMs.length + 4);
    const gaps = tokensAtMs.slice(numBefore + 1).map((atMs, at) => ({ atMs, ms: atMs - tokensAtMs[numBefore + at]! }));
    const stepMs = median(gaps.filter(({ atMs }) => atMs < startedAtMs).map(({ ms }) => ms));
    const during = gaps.filter(({ atMs }) => atMs >= startedAtMs);
    const numDuring = during.filter(({ atMs }) => atMs < endedAtMs).length;
    const bench = `update of ${what}, ${setting}`;
    const longestMs = Math.max(...during.map(({ ms }) => ms));
    const swapMs = during.find(({ atMs }) => atMs >= endedAtMs)!.ms; // there are four
    const untilMs = endedAtMs - startedAtMs;
    const inMs = { unit: 'ms', control: stepMs };
    print({ bench: `${bench}: longest step meanwhile; control: steps before`, value: longestMs, ...inMs });
    print({ bench: `${bench}: step of the swap; control: steps before`, value: swapMs, ...inMs });
    print({ bench: `${bench}: until the swap; control: a step`, value: untilMs, ...inMs });
    const value = (numDuring * 1e3) / untilMs;
    print({ bench: `${bench}: decode meanwhile; control: before`, value, unit: 'tokens/s', control: 1e3 / stepMs });
  };
  await measure('weights', () => engine.update(first.weights, 1, 'inFlight'));
  const numCacheBytes = runner.numKvBytes;
  const peakBytes = memoryBytes('VmHWM') - ownBytes - numWeightBytes;
  print({
    bench: `update of weights, ${setting}: peak memory beside those given; control: float32 weights twice, and the cache`,
    value: peakBytes,
    unit: 'bytes',
    control: 2 * numWeightBytes + numCacheBytes,
  });
  const adapters = (seed: number): LentAdapters => ({
    adapters: { lora, weights: initializeLora(first.config, lora, seed) },
    baseName: 'first',
    base: async () => lendWeights(first.weights),
    [Symbol.dispose]() {},
  });
  const [one, other] = [adapters(1), adapters(2)];
  await engine.update(async () => one, 2, 'inFlight');
  await measure(`adapters of rank ${lora.rank}`, () => engine.update(async () => other, 3, 'inFlight'));
  stop.abort();
  await completion.catch(() => undefined);
}

/** Of Node and onnxruntime. */
async function bytesWithoutModel(): Promise<number> {
  const { config, weights } = smallModel();
  const runner = await Runner.open(config, weights, { threads });
  await runner[Symbol.asyncDispose]();
  return memoryBytes('VmRSS');
}

function memoryBytes(field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}
