export type { HeldPart, LocatedTensor, Place, TensorRecord } from './batch.ts';
export type { ClientAddress } from './client.ts';
export type { Controller } from './controller.ts';
export { distribute } from './distribute.ts';
export {
  CoverageError,
  FrameError,
  IncompleteError,
  KeyNotFoundError,
  LayoutError,
  MismatchError,
  StateDictError,
  StoreClosedError,
  VersionConflictError,
  VolumeUnavailableError,
} from './errors.ts';
export { attachStore, openStore, type StoreOptions } from './open-store.ts';
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
export { policyVersionPrefix } from './policy-version.ts';
export { type PlannedCopy, planReshard, type ReshardPlan } from './reshard.ts';
export type { SessionOptions } from './session.ts';
export type { LaidOutTensor, Participant, RegionTensor, ShardedTensor } from './sharded-tensor.ts';
export type { LoadedItem, LoadedStateDict, Scalar, StateDict, StateDictItem } from './state-dict.ts';
export {
  type GetOptions,
  type GetStateDictOptions,
  type PutOptions,
  type PutStateDictOptions,
  Store,
  type StoreReference,
  type TensorStat,
  type WaitOptions,
} from './store.ts';
export type { TransportKind, VolumeAddress } from './transport/transport.ts';
