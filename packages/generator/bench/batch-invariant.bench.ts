import { Random } from '@forge/tensor';
import { Engine, Runner, type RunnerOptions, resolveSamplingParams } from '../src/index.ts';
import { median } from './median.ts';
import { smallModel } from './model.ts';
import { print } from './print.ts';

const numSequences = 32;
const numTokens = 128;
const numRounds = 5;
const { config, weights } = smallModel();
const random = new Random(0);
const prompts = Array.from({ length: numSequences }, () =>
  Array.from({ length: 16 }, () => random.integer(config.vocabSize)),
);

async function open(options: RunnerOptions): Promise<Engine> {
  return new Engine({ runner: await Runner.open(config, weights, { threads: 1, ...options }), decode: () => '' });
}

/** Tokens per second. */
async function throughput(engine: Engine): Promise<number> {
  const params = resolveSamplingParams({ maxTokens: numTokens });
  const startedAtMs = performance.now();
  await Promise.all(prompts.map((ids) => engine.generate({ text: '', ids }, params)));
  return (1000 * numSequences * numTokens) / (performance.now() - startedAtMs);
}

/** Milliseconds until the first token after a turn of 32 tokens on top of 1,000. */
async function turn(engine: Engine): Promise<number> {
  const ids = Array.from({ length: 1000 }, () => random.integer(config.vocabSize));
  const params = resolveSamplingParams({ maxTokens: 1 });
  await engine.generate({ text: '', ids }, params);
  const said = Array.from({ length: 32 }, () => random.integer(config.vocabSize));
  const [completion] = await engine.generate({ text: '', ids: [...ids, ...said] }, params);
  return completion!.timing.firstTokenMs;
}

const best = (values: readonly number[]) => Math.max(...values);

await using plain = await open({});
await using invariant = await open({ batchInvariant: true });
await using forgetful = await open({ prefixCaching: false });
const speeds: [number, number][] = [];
const turns: [number, number][] = [];
for (let round = 0; round < numRounds; round++) {
  speeds.push([await throughput(invariant), await throughput(plain)]);
  turns.push([await turn(plain), await turn(forgetful)]);
}
print({
  bench: '32 sequences, 0.8 M parameters, one thread: batch-invariant against not',
  value: best(speeds.map(([value]) => value)),
  unit: 'tokens/s',
  control: best(speeds.map(([, control]) => control)),
});
print({
  bench: 'first token of a turn of 32 tokens on top of 1,000: kept prefix against none',
  value: median(turns.map(([value]) => value)),
  unit: 'ms',
  control: median(turns.map(([, control]) => control)),
});
