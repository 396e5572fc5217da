import type { OwnedMesh, ProcMesh } from '@forge/monarch';
import { expectTypeOf, test } from 'vitest';
import {
  ParallelTrainer,
  type ReferenceModel,
  type Sequence,
  type StepResult,
  type Targets,
  Trainer,
} from '../src/index.ts';

declare const trainer: OwnedMesh<Trainer, never>;
declare const reference: OwnedMesh<ReferenceModel, never>;
declare const procs: ProcMesh<'rank'>;
declare const inputs: readonly Sequence[];

test('endpoints are typed end to end, and nothing else crosses the process boundary', () => {
  expectTypeOf(trainer.trainStep.callOne(inputs, { loss: 'sft' })).toEqualTypeOf<Promise<StepResult>>();
  expectTypeOf(trainer.pushWeights.callOne(3)).toEqualTypeOf<Promise<void>>();
  expectTypeOf(reference.forward.callOne(inputs)).toEqualTypeOf<Promise<readonly Float32Array[]>>();
  // @ts-expect-error not an endpoint
  trainer.setup;
  // @ts-expect-error a version is a number
  trainer.pushWeights.callOne('3');
});

test('a trainer is started with a model, and with no option that does not exist', () => {
  // @ts-expect-error the model is missing
  void Trainer.options({}).asActor({});
  // @ts-expect-error there is no such option
  void Trainer.options({}).asActor({ model: 'folder', learning_rate: 1 });
  // @ts-expect-error a linear schedule needs its length
  void Trainer.options({}).asActor({ model: 'folder', schedule: { kind: 'linear' } });
});

test('grpo targets need advantages and the log-probabilities of the sampler', () => {
  expectTypeOf<{ loss: 'sft' }>().toExtend<Targets>();
  expectTypeOf<{ loss: 'grpo'; advantages: number[]; samplerLogProbs: Float32Array[] }>().toExtend<Targets>();
  expectTypeOf<{ loss: 'grpo'; advantages: number[] }>().not.toExtend<Targets>();
  expectTypeOf<{ loss: 'ppo' }>().not.toExtend<Targets>();
});

test('ranks take the options of a trainer, but no checkpoints of their own accord', () => {
  expectTypeOf(ParallelTrainer.open(procs, { model: 'm', strategy: 'fullyShard' })).toEqualTypeOf<
    Promise<ParallelTrainer>
  >();
  // @ts-expect-error there is no such strategy
  void ParallelTrainer.open(procs, { model: 'm', strategy: 'tensorParallel' });
  // @ts-expect-error the caller saves checkpoints
  void ParallelTrainer.open(procs, { model: 'm', checkpoints: { folder: 'c' } });
});
