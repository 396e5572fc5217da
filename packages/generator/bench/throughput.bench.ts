import type { Engine, Runner } from '../src/index.ts';
import { openPeer } from './peer.ts';
import { print } from './print.ts';
import { best, config, generate, median, openEngine, openRunner, promptOf, setting } from './small-engine.ts';

// Decoding by a model so small that overhead shows: the best of several rounds, since other work on the machine slows some. PEER_PYTHON names the interpreter that runs onnxruntime-genai.
const numRounds = 20;
const numPromptTokens = 16;
const numTokens = 48;

/** Milliseconds of the decode steps through the engine, whose tokens are drawn; all sequences begin together. */
async function engineSteps(engine: Engine, numSequences: number): Promise<number> {
  const prompts = Array.from({ length: numSequences }, () => promptOf(numPromptTokens));
  const started = performance.now();
  const done = await Promise.all(prompts.map((ids) => generate(engine, ids, { maxTokens: numTokens })));
  const firstMs = Math.max(...done.map(([completion]) => completion!.timing.firstTokenMs));
  return performance.now() - started - firstMs;
}

/** The same steps by the runner alone: each sequence is continued by a fixed token. */
async function runnerSteps(runner: Runner, numSequences: number): Promise<number> {
  const room = { numSlots: numSequences, longest: numPromptTokens + numTokens };
  const rows = Array.from({ length: numSequences }, (_, slot) => ({ ids: promptOf(numPromptTokens), slots: [slot] }));
  await runner.prefill(rows, room);
  const started = performance.now();
  for (let at = 1; at < numTokens; at++) {
    await runner.decode(rows.map(() => ({ nextId: at % config.vocabSize, numTokens: numPromptTokens + at })));
  }
  return performance.now() - started;
}

/** Milliseconds until each of `n` completions of a prompt of 512 tokens has its first token. */
async function firstTokens(engine: Engine, n: number): Promise<number> {
  const completions = await generate(engine, promptOf(512), { n, maxTokens: 1 });
  return Math.max(...completions.map(({ timing }) => timing.firstTokenMs));
}

// It takes 32 sequences at most.
const peer = await openPeer('onnxruntime-genai', 'fp32');
await using stack = new AsyncDisposableStack();
if (peer) stack.use(peer);

for (const [numSequences, isPacked] of [
  [32, true],
  [32, false],
  [128, true],
  [128, false],
] as const) {
  await using engine = await openEngine({ maxSequences: numSequences }, isPacked);
  await using runner = await openRunner(isPacked);
  const [engineMs, runnerMs, peerRates]: readonly [number[], number[], number[]] = [[], [], []];
  await engineSteps(engine, numSequences);
  await runnerSteps(runner, numSequences);
  for (let round = 0; round < numRounds; round++) {
    // In turns, so that a busy moment of the machine hits all.
    engineMs.push(await engineSteps(engine, numSequences));
    runnerMs.push(await runnerSteps(runner, numSequences));
    if (peer && numSequences <= 32) {
      peerRates.push((await peer.measure(numSequences, numPromptTokens, numTokens)).decode);
    }
  }
  const rateOf = (ms: readonly number[]) => (numSequences * (numTokens - 1) * 1e3) / Math.min(...ms);
  const bench = `decode ${numSequences} sequences, ${isPacked ? 'packed' : 'fed'} weights, ${setting}`;
  const value = rateOf(engineMs);
  print({ bench: `${bench}; control: runner alone`, value, unit: 'tokens/s', control: rateOf(runnerMs) });
  if (peer && peerRates.length > 0) {
    print({ bench: `${bench}; control: ${peer.name}`, value, unit: 'tokens/s', control: best(peerRates) });
  }
}

await using engine = await openEngine();
const single: number[] = [];
const group: number[] = [];
for (let round = 0; round < numRounds + 2; round++) {
  single.push(await firstTokens(engine, 1));
  group.push(await firstTokens(engine, 8));
}
print({
  bench: `first tokens of 8 completions of a 512-token prompt, ${setting}; control: of one`,
  value: median(group.slice(2)),
  unit: 'ms',
  control: median(single.slice(2)),
});

await using narrow = await openRunner();
await using wide = await openRunner();
const rows = Array.from({ length: 32 }, () => ({ nextId: 1, numTokens: 40 }));
narrow.reserve({ numSlots: rows.length, longest: 64 }, false);
wide.reserve({ numSlots: rows.length, longest: 4096 }, false);
const stepsMs: readonly [number[], number[]] = [[], []];
for (let round = 0; round < 400; round++) {
  for (const [at, runner] of [narrow, wide].entries()) {
    const started = performance.now();
    await runner.decode(rows);
    stepsMs[at]!.push(performance.now() - started);
  }
}
print({
  bench: `step of 32 sequences of 40 tokens in slots of 4096, ${setting}; control: in slots of 64`,
  value: median(stepsMs[1]),
  unit: 'ms',
  control: median(stepsMs[0]),
});
