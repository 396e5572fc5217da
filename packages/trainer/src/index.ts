export {
  type AdvantageMethod,
  type AdvantageOptions,
  type AdvantageScale,
  advantageMethods,
  groupAdvantages,
  type MultiRewardOptions,
  multiRewardAdvantages,
} from './advantages.ts';
export {
  type GreedyBaselines,
  greedyBaselineAdvantages,
  type RoleBaselines,
  type RoleOptions,
  roleAdvantages,
} from './baseline-advantages.ts';
export { loadCheckpoint, saveCheckpoint } from './checkpoint/checkpoint.ts';
export { CheckpointSeries, type CheckpointSeriesOptions } from './checkpoint/checkpoint-series.ts';
export {
  BatchError,
  CheckpointError,
  CheckpointSaveError,
  LossInputError,
  NonFiniteGradientError,
  NonFiniteLossError,
  NotConfiguredError,
  RankFailedError,
  TrainerOptionError,
} from './errors.ts';
export { type GrpoBatch, type GrpoEpisode, grpoBatch } from './grpo-batch.ts';
export {
  type Correction,
  type CorrectionMode,
  type CorrectionName,
  correctionModes,
  corrections,
} from './losses/correction.ts';
export type { CovarianceOptions } from './losses/covariance.ts';
export { type KlEstimator, klEstimators } from './losses/kl.ts';
export { type KlRewardOptions, klRewards, penalizeByKl, returnsToGo, type SampledTokens } from './losses/kl-reward.ts';
export type { BatchCounts, Floats, LossResult } from './losses/loss.ts';
export { type PolicyLossOptions, policyLoss } from './losses/policy.ts';
export type { PolicyBatch } from './losses/policy-batch.ts';
export type { PolicyMetrics } from './losses/policy-metrics.ts';
export { type SftBatch, sftLoss } from './losses/sft.ts';
export { type PolicyLossName, policyLossNames } from './losses/variants.ts';
export { openTraining } from './open-training.ts';
export { AdamW, type AdamWOptions, type WeightRange } from './optimizer/adam-w.ts';
export { clipGradNorm, gradNorm } from './optimizer/clip.ts';
export { type Schedule, scheduleFactor } from './optimizer/schedule.ts';
export { type MicroBatch, type PackOptions, pack } from './packing/pack.ts';
export type { Scores } from './packing/scores.ts';
export type { Sequence } from './packing/sequence.ts';
export type { TokenWeights } from './packing/token-weights.ts';
export { ParallelTrainer } from './parallel/parallel-trainer.ts';
export type { BytesHeld, Strategy } from './parallel/rank-engine.ts';
export { type PipelineAction, type PipelinePlace, schedule1F1B } from './parallel/schedule-1f1b.ts';
export { type ParallelOptions, TrainerRank } from './parallel/trainer-rank.ts';
export type { ParameterGroup } from './parameter-groups.ts';
export { ReferenceModel, type ReferenceModelOptions } from './reference-model.ts';
export type {
  GrpoTargets,
  SftTargets,
  StepBatch,
  StepLossOptions,
  StepOptions,
  StepResult,
  Targets,
} from './step-batch.ts';
export { type BatchResult, type BatchUse, trainBatch } from './train-batch.ts';
export { trainStep } from './train-step.ts';
export { Trainer, type TrainerCheckpoints, type TrainerOptions } from './trainer.ts';
export { Training } from './training.ts';
export type {
  BackwardOptions,
  ComputeOptions,
  ForwardOptions,
  LoraOptions,
  ModelWeights,
  TrainingOptions,
} from './training-options.ts';
export type { OptimizerStep, TrainingProgress, TrainingState } from './training-state.ts';
