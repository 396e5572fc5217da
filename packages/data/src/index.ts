export { type Dataset, type DatasetOptions, openDataset, type Sample, type SourceShare } from './dataset.ts';
export { DatasetActor, type DatasetState } from './dataset-actor.ts';
export {
  type Episode,
  type Generated,
  type Group,
  numChosenTokens,
  policyVersionOf,
  type Sampled,
  type Scored,
  sampledFrom,
} from './episode.ts';
export { DatasetError, type RecordPlace, SourceError } from './errors.ts';
export type { PartOfDataset } from './files/choose-files.ts';
export { type ResolveFilesOptions, resolveFiles } from './files/resolve-files.ts';
export { epochOrder } from './order/epoch-order.ts';
export { Mixture, type Served } from './order/mixture.ts';
export { readRecords } from './records/read-records.ts';
export type { DataRecord, Fields } from './records/record.ts';
export {
  type BufferCounts,
  type BufferStateDict,
  ReplayBuffer,
  type ReplayBufferOptions,
  type Versioned,
} from './replay-buffer.ts';
export type { SourceOrder } from './sources/open-source.ts';
export type { HeldOutOptions, PrepareTasksOptions } from './sources/prepare-options.ts';
export { type PreparedTasks, prepareTasks } from './sources/prepare-tasks.ts';
export { readTasks } from './sources/read-tasks.ts';
export { reportLines, type SourceReport } from './sources/source-report.ts';
export {
  type FileSource,
  type GeneratedSource,
  type IndexedSource,
  type MemorySource,
  type NamedSource,
  nameOf,
  type TaskSource,
} from './sources/task-source.ts';
export type { TargetForm } from './tasks/target-forms.ts';
export type { TaskFields } from './tasks/task-fields.ts';
export type { TaskIndex } from './tasks/task-index.ts';
export type { OnBroken } from './tasks/task-scan.ts';
