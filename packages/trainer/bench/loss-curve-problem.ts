import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveModel } from '@forge/models';
import { Random } from '@forge/tensor';
import {
  type ModelWeights,
  openTraining,
  type Sequence,
  type StepBatch,
  type StepOptions,
  type TrainingOptions,
  trainStep,
} from '@forge/trainer';
import type { TorchPeer } from './torch-peer.ts';

/** What both sides train on, from the same start. */
export interface CurveProblem {
  /** They come again when steps are left. */
  readonly batches: readonly StepBatch[];
  readonly numSteps: number;
  readonly training: TrainingOptions;
  readonly step: StepOptions;
}

/** One number a step. */
export interface Curve {
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
}

const optimizer = { learningRate: 2e-3, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.01 } as const;

/** Settings that use every part: warm-up, a cosine, clipping, decay. */
const trainingFor = (numSteps: number): TrainingOptions => ({
  optimizer,
  schedule: { kind: 'cosine', warmupSteps: Math.ceil(numSteps / 20), totalSteps: numSteps },
  maxGradNorm: 1,
});

/** Texts of a language in which each token has three successors, of ragged lengths; a few tokens are not to be learned. */
export function supervisedProblem(vocabulary: number, numSteps: number, numRows = 8): CurveProblem {
  const random = new Random('loss curve');
  const batches = Array.from({ length: numSteps }, (): StepBatch => {
    const inputs = Array.from({ length: numRows }, () => textOf(random, vocabulary));
    const masks = inputs.map(({ tokenIds }) => tokenIds.map(() => (random.uniform() < 0.1 ? 0 : 1)));
    return { inputs, targets: { loss: 'sft', masks } };
  });
  return { batches, numSteps, training: trainingFor(numSteps), step: {} };
}

/** GRPO over a few groups that come again, with the log-probabilities of the start as sampler and reference: ratios drift into their bounds. */
export async function policyProblem(model: ModelWeights, numSteps: number): Promise<CurveProblem> {
  const random = new Random('policy curve');
  await using start = await openTraining(model, { threads: 1 });
  const batches: StepBatch[] = [];
  for (let i = 0; i < 5; i++) {
    const { promptIds } = textOf(random, model.config.vocabSize);
    const inputs = Array.from({ length: 8 }, () => ({ ...textOf(random, model.config.vocabSize), promptIds }));
    const { logProbs } = await start.forward(inputs);
    const sampled = logProbs.map((row) => Array.from(row, (logProb) => logProb + 0.1 * random.normal()));
    const targets = {
      loss: 'grpo',
      advantages: inputs.map(() => random.normal()),
      samplerLogProbs: sampled,
      refLogProbs: logProbs.map((row) => Array.from(row)),
    } as const;
    batches.push({ inputs, targets });
  }
  const loss = { name: 'grpo', epsilonLow: 0.2, epsilonHigh: 0.28, beta: 0.04 } as const;
  return { batches, numSteps, training: trainingFor(numSteps), step: { loss } };
}

function textOf(random: Random, vocabulary: number): Sequence {
  const ids = [random.integer(vocabulary)];
  const length = 8 + random.integer(25);
  while (ids.length < length) ids.push((7 * ids.at(-1)! + 3 + random.integer(3)) % vocabulary);
  return { promptIds: ids.slice(0, 3), tokenIds: ids.slice(3) };
}

export async function ourCurve(
  model: ModelWeights,
  { batches, numSteps, training, step }: CurveProblem,
): Promise<Curve> {
  await using opened = await openTraining(model, { ...training, threads: 2 });
  const losses: number[] = [];
  const gradNorms: number[] = [];
  for (let at = 0; at < numSteps; at++) {
    const { loss, gradNorm } = await trainStep(opened, batches[at % batches.length]!, step);
    losses.push(loss);
    gradNorms.push(gradNorm);
  }
  return { losses, gradNorms };
}

export async function torchCurve(peer: TorchPeer, model: ModelWeights, problem: CurveProblem): Promise<Curve> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  try {
    await saveModel(folder, { ...model, dtype: 'float32' });
    const { losses, grad_norms: gradNorms } = await peer.ask({ folder, ...problem });
    return { losses, gradNorms } as Curve; // as the script says
  } finally {
    await rm(folder, { recursive: true });
  }
}
