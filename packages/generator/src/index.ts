export type { Completion, CompletionTiming } from './completion.ts';
export { LogitsError, SamplingParamsError } from './errors.ts';
export type { FinishReason } from './finish.ts';
export { type DistributionParams, type DrawContext, type Sample, Sampler } from './sampler.ts';
export { type ResolvedSamplingParams, resolveSamplingParams, type SamplingParams } from './sampling-params.ts';
