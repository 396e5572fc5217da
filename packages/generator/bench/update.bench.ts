import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Quantization } from '@forge/models';
import { Engine, Runner, resolveSamplingParams } from '../src/index.ts';
import { largeModel } from './model.ts';
import { print } from './print.ts';

// An update of the weights in the middle of a completion, at the shape of Qwen3-0.6B with random weights: how long the
// completion stands still, how fast it goes meanwhile, and what memory it takes. Control: the steps before the update.
// Run: node bench/update.bench.ts [float32|int8|int4 …]; LAYERS=4 for a small machine.
const threads = 2;
const numLayers = Number(process.env['LAYERS'] ?? 28);
const forms = process.argv.slice(2) as ('float32' | Quantization)[];

for (const form of forms.length > 0 ? forms : (['int4', 'int8', 'float32'] as const)) {
  const first = largeModel(numLayers);
  const numWeightBytes = Object.values(first.weights).reduce((sum, { data }) => sum + data.byteLength, 0);
  const quantization = form === 'float32' ? undefined : form;
  const runner = await Runner.open(first.config, first.weights, { threads, quantization });
  await using engine = new Engine({ runner, decode: (ids) => ids.join(' ') });
  const tokensAtMs: number[] = [];
  const stop = new AbortController();
  const params = resolveSamplingParams({ maxTokens: 4000 });
  const completion = engine.generate({ text: '', ids: [1, 2, 3, 4] }, params, {
    signal: stop.signal,
    onDelta: () => tokensAtMs.push(performance.now()),
  });
  while (tokensAtMs.length < 24) await setImmediate();
  const lent = { weights: largeModel(numLayers).weights, [Symbol.dispose]() {} };
  const startedAtMs = performance.now();
  await engine.update(async () => lent, 1, 'inFlight');
  const endedAtMs = performance.now();
  const numThen = tokensAtMs.length;
  while (tokensAtMs.length < numThen + 4) await setImmediate();
  stop.abort();
  await completion.catch(() => undefined);

  const gaps = tokensAtMs.slice(1).map((atMs, at) => ({ atMs, ms: atMs - tokensAtMs[at]! }));
  const stepMs = median(gaps.filter(({ atMs }) => atMs < startedAtMs).map(({ ms }) => ms));
  const during = gaps.filter(({ atMs }) => atMs >= startedAtMs);
  const numDuring = during.filter(({ atMs }) => atMs < endedAtMs).length;
  const bench = `update, ${form}, ${numLayers} layers of the 0.6B shape, ${threads} threads`;
  const longestMs = Math.max(...during.map(({ ms }) => ms));
  const swapMs = during.find(({ atMs }) => atMs >= endedAtMs)!.ms; // there are four
  print({
    bench: `${bench}: longest step meanwhile; control: steps before`,
    value: longestMs,
    unit: 'ms',
    control: stepMs,
  });
  print({ bench: `${bench}: step of the swap; control: steps before`, value: swapMs, unit: 'ms', control: stepMs });
  const rate = (numDuring * 1e3) / (endedAtMs - startedAtMs);
  print({ bench: `${bench}: decode meanwhile; control: before`, value: rate, unit: 'tokens/s', control: 1e3 / stepMs });
  print({
    bench: `${bench}: until the swap; control: a step`,
    value: endedAtMs - startedAtMs,
    unit: 'ms',
    control: stepMs,
  });
  const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  const given = 2 * numWeightBytes; // both sets are in this process, where others map those of the store
  const control = 2 * numWeightBytes;
  print({
    bench: `${bench}: peak memory beside both given sets; control: both sets`,
    value: peakBytes - given,
    unit: 'bytes',
    control,
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
