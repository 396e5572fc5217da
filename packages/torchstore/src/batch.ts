import type { DType, Region, Shape } from '@forge/tensor';
import type { Participant } from './sharded-tensor.ts';
import type { Structure } from './state-dict.ts';

/** Where the bytes of a piece lie. */
export interface Place {
  readonly volume: string;
  /** File of the volume, relative to its directory; its first component is the session that wrote it. */
  readonly segment: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A piece of a tensor as metadata. */
export interface Part {
  readonly key: string;
  readonly dtype: DType;
  readonly globalShape: Shape;
  readonly region: Region;
  /** Undefined when another rank of the same put holds the same region. */
  readonly place: Place | undefined;
}

/** What one rank puts together; all ranks of a batch become visible in one step. */
export interface Batch {
  /** The connection that wrote the bytes; when it has ended, so have its unfinished puts. */
  readonly session: string;
  /** The key of a single tensor or the prefix of a state dict: ranks meet under it. */
  readonly name: string;
  /** Ranks meet only when their digests are equal. */
  readonly digest: string;
  /** Undefined when coverage alone decides whether the batch is complete. */
  readonly participant: Participant | undefined;
  /** Ranks meet only when they put the same version. */
  readonly version: number | undefined;
  readonly parts: readonly Part[];
  /** Present when the batch is a state dict. */
  readonly structure: Structure | undefined;
}

/** What became of a batch. Only the first two take it in. */
export type CommitOutcome =
  | { readonly status: 'visible'; readonly generation: number }
  | { readonly status: 'pending'; readonly missingRanks: readonly number[] }
  | { readonly status: 'stale'; readonly key: string; readonly visibleVersion: number }
  | { readonly status: 'mismatch'; readonly key: string; readonly expected: string; readonly actual: string }
  | { readonly status: 'uncovered'; readonly key: string; readonly uncovered: Region }
  | { readonly status: 'tooFarAhead'; readonly missingRanks: readonly number[] }
  | { readonly status: 'sessionEnded' };

/** A piece whose bytes are held. */
export interface HeldPart {
  readonly region: Region;
  readonly place: Place;
}

/** A visible tensor as a reader needs it. */
export interface LocatedTensor {
  readonly key: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Counts the puts of the whole store that became visible. */
  readonly generation: number;
  /** What the put called itself. */
  readonly version: number | undefined;
  readonly parts: readonly HeldPart[];
}

/** What is known about a key without its bytes. */
export interface TensorRecord extends LocatedTensor {
  /** Bytes held, replicas counted each. */
  readonly bytes: number;
  /** Puts of this key that wait for other ranks, oldest first. */
  readonly pending: readonly { readonly version: number | undefined; readonly missingRanks: readonly number[] }[];
}

/** An answer to a reader. Found tensors stay where they are until the pin is released. */
export type Located =
  | {
      readonly status: 'found';
      readonly pin: number;
      readonly tensors: readonly LocatedTensor[];
      readonly structure: Structure | undefined;
    }
  | { readonly status: 'missing'; readonly key: string; readonly nearest: readonly string[] }
  | { readonly status: 'incomplete'; readonly key: string; readonly missingRanks: readonly number[] }
  | { readonly status: 'sessionEnded' };
