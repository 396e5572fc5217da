// A GRPO batch: 8 prompts of 256 tokens, 8 completions of 32 to 128 tokens each. One JSON line a figure.
// Run: node bench/grpo-batch.bench.ts [sizes, such as A,B]; the same batch in PyTorch: python bench/grpo_batch_torch.py
import { loadavg } from 'node:os';
import { initialize } from '@forge/models';
import { Random } from '@forge/tensor';
import { grpoBatch, openTraining, type Sequence, type Training, type TrainingOptions, trainStep } from '@forge/trainer';
import { configOf } from './model-sizes.ts';

const [wanted = 'A,B', seconds = '8'] = process.argv.slice(2);

for (const size of wanted.split(',')) {
  const config = configOf(size);
  const random = new Random('grpo batch');
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(config.vocabSize));
  const inputs: Sequence[] = Array.from({ length: 8 }, () => ids(256)).flatMap((promptIds) =>
    Array.from({ length: 8 }, () => ({ promptIds, tokenIds: ids(32 + random.integer(97)) })),
  );
  const model = { config, weights: initialize(config, 1) };
  const open = (options: TrainingOptions): Promise<Training> => openTraining(model, { threads: 2, ...options });

  await using shared = await open({});
  await using packed = await open({ sharePrompts: false });
  await using padded = await open({ sharePrompts: false, tokensPerRow: 1, maxTokensPerMicroBatch: 4096 });
  const { logProbs } = await shared.forward(inputs);
  const { targets } = grpoBatch(
    inputs.map((sequence, b) => ({ ...sequence, logProbs: logProbs[b]!, advantage: b % 2 === 0 ? 1 : -1 })),
  );
  const weights = inputs.map(({ tokenIds }, b) => tokenIds.map(() => (b % 2 === 0 ? -1e-4 : 1e-4)));
  const step = (training: Training) => async (): Promise<void> => {
    await training.forwardBackward(inputs, weights);
    training.optimizerStep({ learningRate: 0 });
  };
  const contenders = {
    'shared and packed': step(shared),
    packed: step(packed),
    padded: step(padded),
    'shared and packed, whole GRPO step': async () => trainStep(shared, { inputs, targets }),
  };
  const times = await median(contenders, Number(seconds) * 1e3);
  for (const [name, ms] of Object.entries(times)) {
    const figure = { bench: `grpo batch ${size}: ${name}`, value: Number(ms.toPrecision(4)), unit: 'ms/step' };
    const compared = { control: 'padded, unshared, in this run', ratio: Number((ms / times.padded).toPrecision(3)) };
    console.log(JSON.stringify({ ...figure, ...compared, load: loadavg()[0] }));
  }
}

/** Medians of contenders that take turns, after one turn each that does not count. */
async function median<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<unknown>>>,
  budgetMs: number,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (const name of names) await contenders[name]();
  const end = performance.now() + budgetMs;
  do {
    for (const name of names) {
      const start = performance.now();
      await contenders[name]();
      times.get(name)!.push(performance.now() - start);
    }
  } while (performance.now() < end);
  const middle = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
  return Object.fromEntries(names.map((name) => [name, middle(times.get(name)!)])) as Record<Name, number>;
}
