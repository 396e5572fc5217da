import { Random } from '@forge/tensor';
import { Engine, type Runner, resolveSamplingParams } from '../src/index.ts';
import { print } from './print.ts';
import { best, config, openRunner, promptOf, setting, weights } from './small-engine.ts';

// A step of GRPO: 32 prompts that begin alike, 8 completions each until a stop token or the limit, then other weights.
const numGroups = 32;
const groupSize = 8;
const numPromptTokens = 40;
const numSharedTokens = 24;
const maxTokens = 16;
const numRounds = 20;
const random = new Random('rollouts');
const shared = promptOf(numSharedTokens);
const prompts = (): readonly (readonly number[])[] =>
  Array.from({ length: numGroups }, () => [...shared, ...promptOf(numPromptTokens - numSharedTokens)]);

interface Step {
  readonly ms: number;
  /** Of each completion, at most. */
  readonly numTokens: readonly number[];
}

async function rollouts(engine: Engine): Promise<Step> {
  const params = resolveSamplingParams({ n: groupSize, maxTokens, stopTokenIds: [random.integer(config.vocabSize)] });
  await engine.update(weights, engine.version + 1, 'inFlight');
  const startedAtMs = performance.now();
  const groups = await Promise.all(prompts().map((ids) => engine.generate({ text: '', ids }, params)));
  const ms = performance.now() - startedAtMs;
  return { ms, numTokens: groups.flatMap((group) => group.map(({ tokenIds }) => tokenIds.length)) };
}

/** The same tokens by the runner alone: all prompts at once, then as many rows a step as there are completions left. */
async function runnerMs(runner: Runner, numTokens: readonly number[]): Promise<number> {
  const ids = prompts();
  const startedAtMs = performance.now();
  await runner.prefill(
    ids.map((prompt, group) => ({
      ids: prompt.slice(0, -1),
      slots: Array.from({ length: groupSize }, (_, member) => group * groupSize + member),
    })),
    { numSlots: numTokens.length, longest: numPromptTokens + maxTokens },
  );
  for (let at = 0; at < maxTokens; at++) {
    const numRows = numTokens.filter((count) => count > at).length;
    if (numRows === 0) break;
    await runner.decode(Array.from({ length: numRows }, () => ({ nextId: at, numTokens: numPromptTokens + at })));
  }
  return performance.now() - startedAtMs;
}

for (const maxSequences of [numGroups * groupSize, 32]) {
  await using engine = new Engine({
    runner: await openRunner(),
    decode: (ids) => String.fromCharCode(...ids),
    maxSequences,
  });
  await using runner = await openRunner();
  const [rates, aloneRates, completions]: readonly [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < numRounds + 3; round++) {
    const { ms, numTokens } = await rollouts(engine);
    const aloneMs = await runnerMs(runner, numTokens);
    if (round < 3) continue;
    const sum = numTokens.reduce((total, count) => total + count, 0);
    rates.push((1e3 * sum) / ms);
    aloneRates.push((1e3 * sum) / aloneMs);
    completions.push((1e3 * numTokens.length) / ms);
  }
  const bench = `rollouts of ${numGroups} prompts × ${groupSize} on ${maxSequences} slots, ${setting}`;
  const control = best(aloneRates);
  print({ bench: `${bench}; control: runner alone on all at once`, value: best(rates), unit: 'tokens/s', control });
  print({
    bench: `${bench}; control: the slots`,
    value: best(completions),
    unit: 'completions/s',
    control: maxSequences,
  });
}
