import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { StepBatch, StepOptions } from '../src/step-batch.ts';
import { trainStep } from '../src/train-step.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { readGolden } from './golden-file.ts';

// Made by bench/loss-curve.bench.ts --golden: the steps of PyTorch from golden models.
const { cases } = readGolden<{
  readonly cases: readonly {
    readonly model: string;
    readonly batches: readonly StepBatch[];
    readonly numSteps: number;
    readonly training: TrainingOptions;
    readonly step: StepOptions;
    readonly losses: readonly number[];
    readonly gradNorms: readonly number[];
  }[];
}>('loss-curves.json');

const folderOf = (model: string): string =>
  fileURLToPath(new URL(`../../models/test/golden/${model}`, import.meta.url));

test.each(cases.map((golden) => ({ ...golden, kind: golden.batches[0]!.targets.loss })))(
  '$numSteps steps of $kind take $model along the loss curve of PyTorch',
  async ({ model, batches, numSteps, training, step, losses, gradNorms }) => {
    expect(losses).toHaveLength(numSteps);
    await using opened = await openTraining(folderOf(model), { ...training, threads: 1 });
    for (let at = 0; at < numSteps; at++) {
      const { loss, gradNorm } = await trainStep(opened, batches[at % batches.length]!, step);
      expect(Math.abs(loss - losses[at]!), `loss of step ${at + 1}`).toBeLessThan(1e-4);
      expect(Math.abs(gradNorm - gradNorms[at]!) / gradNorms[at]!, `gradient of step ${at + 1}`).toBeLessThan(1e-3);
    }
  },
);
