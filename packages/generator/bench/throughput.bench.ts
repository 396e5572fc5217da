import { Random } from '@forge/tensor';
import { Engine, Runner, resolveSamplingParams } from '../src/index.ts';
import { smallModel } from './model.ts';
import { print } from './print.ts';

const numSequences = 32;
const numPromptTokens = 16;
const numTokens = 128;
const numRounds = 7;
const threads = 2;
const { config, weights } = smallModel();
const random = new Random(0);
const prompt = (length: number) => Array.from({ length }, () => random.integer(config.vocabSize));
const prompts = Array.from({ length: numSequences }, () => prompt(numPromptTokens));
const decode = (ids: readonly number[]) => String.fromCharCode(...ids);

/** The runner alone: the same runs, each sequence continued by a fixed token. */
async function bareLoop(runner: Runner): Promise<number> {
  const started = performance.now();
  const room = { numSlots: numSequences, longest: numPromptTokens + numTokens };
  await runner.prefill(
    prompts.map((ids, slot) => ({ ids: ids.slice(0, -1), slots: [slot] })),
    room,
  );
  for (let at = 0; at < numTokens; at++) {
    await runner.decode(prompts.map(() => ({ tokenId: at, numTokens: numPromptTokens + at })));
  }
  return (numSequences * numTokens) / (performance.now() - started);
}

async function throughEngine(engine: Engine): Promise<number> {
  const params = resolveSamplingParams({ maxTokens: numTokens });
  const started = performance.now();
  await Promise.all(prompts.map((ids) => engine.generate({ text: '', ids }, params)));
  return (numSequences * numTokens) / (performance.now() - started);
}

const numShared = 8;
const longPrompts = Array.from({ length: numRounds }, () => prompt(512));

async function sharedPrompt(engine: Engine, ids: readonly number[]): Promise<number> {
  const started = performance.now();
  await engine.generate({ text: '', ids }, resolveSamplingParams({ n: numShared, maxTokens: 32 }));
  return performance.now() - started;
}

async function separatePrompts(engine: Engine, ids: readonly number[]): Promise<number> {
  const params = resolveSamplingParams({ maxTokens: 32 });
  const started = performance.now();
  await Promise.all(Array.from({ length: numShared }, () => engine.generate({ text: '', ids }, params)));
  return performance.now() - started;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

await using runner = await Runner.open(config, weights, { threads });
await using engine = new Engine({ runner: await Runner.open(config, weights, { threads }), decode });
const bare: number[] = [];
const engines: number[] = [];
const shared: number[] = [];
const separate: number[] = [];
await bareLoop(runner);
await throughEngine(engine);
for (const ids of longPrompts) {
  // Interleaved, so that a busy moment of the machine hits both sides.
  bare.push((await bareLoop(runner)) * 1e3);
  engines.push((await throughEngine(engine)) * 1e3);
  shared.push(await sharedPrompt(engine, ids));
  separate.push(await separatePrompts(engine, ids));
}
const setting = `0.8M parameters, ${threads} threads`;
print({
  bench: `decode ${numSequences} sequences, ${setting}; control: runner without engine`,
  value: median(engines),
  unit: 'tokens/s',
  control: median(bare),
});
print({
  bench: `n=${numShared} of a 512-token prompt, ${setting}; control: ${numShared} requests`,
  value: median(shared),
  unit: 'ms',
  control: median(separate),
});
