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
  /** CRC-32 of the bytes as their writer had them; undefined where it kept none. */
  readonly checksum?: number;
}

/** What stands for a volume in the place of bytes that lie with the metadata. */
export const metadataVolume = 'metadata';

/** A piece of a tensor as metadata. */
export interface Part {
  readonly key: string;
  readonly dtype: DType;
  readonly globalShape: Shape;
  readonly region: Region;
  /** One for each replica; none when the piece is empty or another rank of the same put holds the same region. */
  readonly places: readonly Place[];
  /** The bytes themselves, when they are so few that they lie with the metadata; there are no places then. */
  readonly bytes?: Uint8Array;
}

/** A value that is no tensor: its bytes travel and stay with the metadata. */
export interface ObjectPart {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** Who puts what together with whom. */
export interface Claim {
  /** The connection that writes the bytes; when it has ended, so have its unfinished puts. */
  readonly session: string;
  /** The key of a single tensor or the prefix of a state dict: ranks meet under it. */
  readonly name: string;
  /** Ranks meet only when their digests are equal. */
  readonly digest: string;
  /** Undefined when coverage alone decides whether the batch is complete. */
  readonly participant: Participant | undefined;
  /** Ranks meet only when they put the same version. */
  readonly version: number | undefined;
}

/** A claim of one of so many ranks. */
export interface RankClaim extends Claim {
  readonly participant: Participant;
}

/** What one rank puts together; all ranks of a batch become visible in one step. */
export interface Batch extends Claim {
  /** The transaction that this rank has begun; undefined when the batch is all there is to say. */
  readonly transaction: number | undefined;
  /** The batch begins its transaction itself, in the same step: nothing had to be written before. @default false */
  readonly begins?: boolean;
  /** What the quota has set aside for this batch; what it takes beyond them must fit the quota when it arrives. */
  readonly reservations: readonly number[];
  readonly parts: readonly Part[];
  readonly objects: readonly ObjectPart[];
  /** Present when the batch is a state dict. */
  readonly structure: Structure | undefined;
  /** The writer uses the segments again: they are not removed when they fall out of use. @default false */
  readonly keepsSegments?: boolean;
}

/** Why a batch or a transaction was not taken in. */
export type Refusal =
  | { readonly status: 'stale'; readonly key: string; readonly visibleVersion: number }
  | { readonly status: 'taken'; readonly rank: number }
  | { readonly status: 'mismatch'; readonly key: string; readonly expected: string; readonly actual: string }
  | { readonly status: 'overlap'; readonly key: string; readonly regions: readonly [Region, Region] }
  | { readonly status: 'uncovered'; readonly key: string; readonly uncovered: Region }
  | { readonly status: 'tooFarAhead'; readonly missingRanks: readonly number[] }
  | { readonly status: 'aborted'; readonly reason: string }
  | OverQuota
  | { readonly status: 'sessionEnded' };

/** The store may not hold so many bytes. */
export interface OverQuota {
  readonly status: 'overQuota';
  readonly limit: number;
  readonly used: number;
  readonly wanted: number;
}

/** What became of a batch. Only the first two take it in. */
export type CommitOutcome =
  | { readonly status: 'visible'; readonly generation: number }
  /** `batch` is its number, by which it can be taken back. */
  | { readonly status: 'pending'; readonly missingRanks: readonly number[]; readonly batch: number }
  | Refusal;

/** What became of the beginning of a transaction. */
export type BeginOutcome = { readonly status: 'begun'; readonly transaction: number } | Refusal;

/** Whether bytes may be written. */
export type ReserveOutcome =
  | { readonly status: 'reserved'; readonly reservation: number }
  | OverQuota
  | { readonly status: 'sessionEnded' };

/** A piece whose bytes are held. */
export interface HeldPart {
  readonly region: Region;
  readonly place: Place;
  /** The bytes, where they lie with the metadata; they do not leave it with this. */
  readonly bytes?: Uint8Array;
}

/** What is known of whatever has a key. */
export interface Located {
  readonly key: string;
  /** Counts the puts of the whole store that became visible. */
  readonly generation: number;
  /** What the put called itself. */
  readonly version: number | undefined;
}

/** A visible tensor as a reader needs it. */
export interface LocatedTensor extends Located {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly parts: readonly HeldPart[];
  /** Volumes that died and held pieces of it; other replicas may still cover them. */
  readonly lostVolumes?: readonly string[];
}

/** A visible value that is no tensor. */
export interface LocatedObject extends Located {
  readonly bytes: Uint8Array;
}

/** What a reader asks for. */
export interface Question extends QuestionOptions {
  readonly session: string;
  /** Keys that must all be there, or a name: the state dict or everything below a prefix. */
  readonly of: { readonly keys: readonly string[] } | { readonly name: string };
}

/** Which generation a reader asks for. */
export interface QuestionOptions {
  /** Only what the lease holds counts. @default what is visible */
  readonly lease?: number;
  /** Only the put of that version counts; needs a name. @default the newest */
  readonly version?: number;
}

/** Why nothing was found. */
export type Absence =
  | { readonly status: 'missing'; readonly key: string; readonly nearest: readonly string[] }
  | { readonly status: 'incomplete'; readonly key: string; readonly missingRanks: readonly number[] }
  | {
      readonly status: 'gone';
      readonly name: string;
      readonly wanted: string;
      readonly kept: readonly { readonly generation: number; readonly version: number | undefined }[];
    }
  | { readonly status: 'leaseEnded'; readonly lease: number }
  | { readonly status: 'sessionEnded' };

/** What a reader asked for. */
export interface Found {
  readonly status: 'found';
  /** What was found stays where it is until the pin is released; undefined when the answer has all of it. */
  readonly pin: number | undefined;
  readonly tensors: readonly LocatedTensor[];
  readonly objects: readonly LocatedObject[];
  readonly structure: Structure | undefined;
}

/** An answer to a reader. */
export type Answer = Found | Absence;

/** What a reader wants to hold on to; at most one of the two numbers is given. */
export interface LeaseQuestion {
  readonly session: string;
  readonly name: string;
  readonly generation?: number;
  readonly version?: number;
}

/** A lease that was given. */
export interface Leased {
  readonly status: 'leased';
  readonly lease: number;
  /** The newest generation that it holds. */
  readonly generation: number;
  readonly version: number | undefined;
  readonly keys: readonly string[];
}

/** What a lost session has left behind, and what ends if its client does not come back. */
export interface Orphans {
  readonly leases: readonly number[];
  readonly transactions: readonly number[];
}

/** What a writer that was cancelled will not commit. */
export interface Unused {
  readonly reservations: readonly number[];
  readonly segments: readonly Pick<Place, 'volume' | 'segment'>[];
}
