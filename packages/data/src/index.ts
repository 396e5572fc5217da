export { DatasetActor, type DatasetOptions, type Sample } from './dataset-actor.ts';
export {
  type Episode,
  type Generated,
  type Group,
  policyVersionOf,
  type Sampled,
  type Scored,
  sampledFrom,
} from './episode.ts';
export { epochOrder, following, type Position } from './epochs.ts';
export { DatasetError } from './errors.ts';
export { parseGsm8k, readGsm8k } from './gsm8k.ts';
export { type JsonLine, readJsonl } from './jsonl.ts';
export {
  type BufferCounts,
  type BufferStateDict,
  ReplayBuffer,
  type ReplayBufferOptions,
  type Versioned,
} from './replay-buffer.ts';
