export { Constraints, type TokenTexts } from './constraint/constraints.ts';
export type { Whitespace } from './constraint/json/json-text.ts';
export type { StructuredOutputs } from './constraint/structured-outputs.ts';
export type { CallableTool } from './constraint/tool-call-grammar.ts';
export {
  type BranchOptions,
  Conversation,
  type ConversationOptions,
  type ConversationPartner,
  type ConversationTokens,
  type TurnOptions,
} from './conversation/conversation.ts';
export { appendedIds, type ReplyOptions, type Transcript } from './conversation/next-turn.ts';
export type { Completion, CompletionTiming, Recorded } from './engine/completion.ts';
export type { CompletionDelta } from './engine/completion-delta.ts';
export { Engine, type GenerateOptions } from './engine/engine.ts';
export type { EngineOptions } from './engine/engine-options.ts';
export type { FinishReason } from './engine/finish.ts';
export type { Prompt } from './engine/prompt.ts';
export { streamCompletions } from './engine/stream-completions.ts';
export type { UpdateMode, WeightsSource } from './engine/update-queue.ts';
export {
  ConstraintError,
  ConversationError,
  ConversationFullError,
  EngineStoppedError,
  LogitsError,
  NoStoreError,
  PromptError,
  SamplingParamsError,
  StepError,
  WeightsMismatchError,
} from './errors.ts';
export { Generator, type GeneratorOptions, type UpdateWeightsOptions } from './generator.ts';

export { type ModelOptions, type OpenedModel, openModel } from './open-model.ts';
export {
  type LentAdapters,
  type LentVersion,
  type LentWeights,
  lendOwnWeights,
  lendWeights,
} from './runner/lent-weights.ts';
export { type DrawnTokens, mismatchOf, type QuantizationMismatch } from './runner/quantization-mismatch.ts';
export { type PrefillRow, Runner } from './runner/runner.ts';
export type { RunnerOptions } from './runner/runner-options.ts';
export type { PreparedWeights } from './runner/weight-sessions.ts';
export {
  type DistributionParams,
  type DrawContext,
  type Logits,
  type Sample,
  Sampler,
  type TokenLogProb,
} from './sampling/sampler.ts';
export { type ResolvedSamplingParams, resolveSamplingParams, type SamplingParams } from './sampling/sampling-params.ts';
export { type CompletionServer, type ServeOptions, serve } from './server/serve.ts';
export type { Decode } from './text/detokenize.ts';
export { type ParsedToolCalls, parseToolCalls, type ToolCall } from './text/tool-calls.ts';
