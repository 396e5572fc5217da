export type { HeldPart, Place } from './batch.ts';
export type { OperationOptions } from './cancellation.ts';
export type { ClientAddress } from './client.ts';
export type { ClientStatistics, OperationStatistics } from './client-statistics.ts';
export type { Controller } from './controller.ts';
export { distribute } from './distribute.ts';
export {
  BatchError,
  CoverageError,
  IncompleteError,
  KeyNotFoundError,
  LayoutError,
  MismatchError,
  NamesMismatchError,
  ObjectError,
  OverlapError,
  StateDictError,
  VersionConflictError,
} from './errors.ts';
export {
  ChecksumError,
  DeadlineError,
  FrameError,
  GenerationGoneError,
  LeaseEndedError,
  QuotaError,
  StoreClosedError,
  TransactionAbortedError,
  VolumeFullError,
  VolumeUnavailableError,
} from './failures.ts';
export type { BatchRequest, BatchResult, GetOptions } from './get.ts';
export type { Lease, LeaseOptions } from './lease.ts';
export type { GetStateDictOptions, Layouts, LoadResult } from './load-state-dict.ts';
export { releaseViews } from './mapped-view.ts';
export type { PlainData } from './object-value.ts';
export { type AttachOptions, attachStore, openStore, type StoreOptions } from './open-store.ts';
export {
  isFirstReplica,
  type Layout,
  layoutRegion,
  type Placement,
  rankCoordinate,
  rankCount,
  replicate,
  shard,
  stridedShard,
} from './placement.ts';
export { newestPolicyVersion, policyVersionPrefix } from './policy-version.ts';
export type { Publisher, PublisherOptions } from './publisher.ts';
export type { LedgerStatistics, TensorRecord, UnfinishedRecord } from './records.ts';
export { type PlannedCopy, planReshard, type ReshardPlan } from './reshard.ts';
export type { RetentionRule } from './retention.ts';
export type { SessionOptions } from './session.ts';
export type { LaidOutTensor, Participant, RegionTensor, ShardedTensor } from './sharded-tensor.ts';
export type { LoadedItem, LoadedStateDict, Scalar, StateDict, StateDictItem } from './state-dict.ts';
export type {
  PutOptions,
  PutStateDictOptions,
  Store,
  StoreReference,
  StoreStatistics,
  TensorStat,
  WaitOptions,
} from './store.ts';
export type { SelectVolume, Strategy, VolumeView } from './strategy.ts';
export type { CommitResult, Transaction, TransactionOptions } from './transaction.ts';
export type { ByteWay, TransportKind, VolumeAddress } from './transport/transport.ts';
export type { StoredValue } from './value.ts';
