import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Random } from '@forge/tensor';
import { Engine, Runner, resolveSamplingParams } from '../src/index.ts';
import { median } from './median.ts';
import { largeModel } from './model.ts';
import { print } from './print.ts';

// What the engine adds to a step at the shape of Qwen3-0.6B, and how long it holds the event loop; control: the runner
// alone. LAYERS=4 for a small machine.
const threads = 2;
const numLayers = Number(process.env['LAYERS'] ?? 28);
const numPromptTokens = 16;
const numTokens = 20;
const numRounds = 3;
const { config, weights } = largeModel(numLayers);
const random = new Random(0);
const prompts = (count: number) =>
  Array.from({ length: count }, () => Array.from({ length: numPromptTokens }, () => random.integer(config.vocabSize)));

// One after the other on the same runner: two would hold the weights twice.
const runner = await Runner.open(config, weights, { threads });
await using engine = new Engine({ runner, decode: (ids) => ids.join(' ') });

async function engineMs(numSequences: number): Promise<number> {
  const started = performance.now();
  const params = resolveSamplingParams({ maxTokens: numTokens });
  const done = await Promise.all(prompts(numSequences).map((ids) => engine.generate({ text: '', ids }, params)));
  const firstMs = Math.max(...done.map(([completion]) => completion!.timing.firstTokenMs));
  return (performance.now() - started - firstMs) / (numTokens - 1);
}

async function runnerMs(numSequences: number): Promise<number> {
  const rows = prompts(numSequences);
  const room = { numSlots: numSequences, longest: numPromptTokens + numTokens };
  await runner.prefill(
    rows.map((ids, slot) => ({ ids, slots: [slot] })),
    room,
  );
  const started = performance.now();
  for (let at = 1; at < numTokens; at++) {
    await runner.decode(rows.map(() => ({ nextId: at, numTokens: numPromptTokens + at })));
  }
  return (performance.now() - started) / (numTokens - 1);
}

for (const numSequences of [1, 16]) {
  const [through, alone]: readonly [number[], number[]] = [[], []];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await engineMs(numSequences);
  for (let round = 0; round < numRounds; round++) {
    delay.enable();
    through.push(await engineMs(numSequences));
    delay.disable();
    alone.push(await runnerMs(numSequences));
  }
  const what = `${numSequences} sequences, ${numLayers} layers of the 0.6B shape, float32, ${threads} threads`;
  print({
    bench: `step of ${what}; control: runner alone`,
    value: median(through),
    unit: 'ms',
    control: median(alone),
  });
  const heldMs = (ns: number): number => ns / 1e6 - 1; // it counts from timer to timer
  const held = { unit: 'ms', control: 2 };
  print({
    bench: `event loop held in steps of ${what}, 99th percentile`,
    value: heldMs(delay.percentile(99)),
    ...held,
  });
  print({ bench: `event loop held in steps of ${what}, longest`, value: heldMs(delay.max), ...held });
}
