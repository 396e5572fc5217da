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
export type { LaidOutTensor, Participant, RegionTensor, ShardedTensor } from './sharded-tensor.ts';
export type { LoadedItem, LoadedStateDict, Scalar, StateDict, StateDictItem } from './state-dict.ts';
