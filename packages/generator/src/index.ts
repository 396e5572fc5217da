export type { Completion, CompletionTiming, Recorded } from './completion.ts';
export type { CompletionDelta } from './completion-delta.ts';
export type { Decode } from './detokenize.ts';
export { Engine, type GenerateOptions, type UpdateMode } from './engine.ts';
export type { EngineOptions } from './engine-options.ts';
export {
  EngineStoppedError,
  LogitsError,
  NoStoreError,
  PromptError,
  SamplingParamsError,
  StepError,
  WeightsMismatchError,
} from './errors.ts';
export type { FinishReason } from './finish.ts';
export { Generator, type GeneratorOptions, type UpdateWeightsOptions } from './generator.ts';
export type { Prompt } from './prompt.ts';
export { type PrefillRow, Runner } from './runner.ts';
export type { RunnerOptions } from './runner-options.ts';
export { type DistributionParams, type DrawContext, type Sample, Sampler, type TokenLogProb } from './sampler.ts';
export { type ResolvedSamplingParams, resolveSamplingParams, type SamplingParams } from './sampling-params.ts';
export { type CompletionServer, type ServeOptions, serve } from './server/serve.ts';
export { openModel, type ServedModel, type ServedModelOptions } from './server/served-model.ts';
export { streamCompletions } from './stream-completions.ts';
