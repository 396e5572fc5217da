import type { Absence, Refusal } from './batch.ts';
import {
  CoverageError,
  IncompleteError,
  KeyNotFoundError,
  MismatchError,
  OverlapError,
  VersionConflictError,
} from './errors.ts';
import {
  GenerationGoneError,
  LeaseEndedError,
  QuotaError,
  TransactionAbortedError,
  VolumeUnavailableError,
} from './failures.ts';

/** Every answer of the controller that is no. */
export type Failure = Absence | Refusal;

interface Context {
  readonly name?: string;
  readonly version?: number | undefined;
}

const failures: {
  readonly [Status in Failure['status']]: (
    failure: Extract<Failure, { readonly status: Status }>,
    context: Context,
  ) => Error;
} = {
  missing: ({ key, nearest }) => new KeyNotFoundError(key, nearest),
  incomplete: ({ key, missingRanks }) => new IncompleteError(key, missingRanks),
  gone: ({ name, wanted, kept }) => new GenerationGoneError(name, wanted, kept),
  leaseEnded: (_, { name = '' }) => new LeaseEndedError(name),
  stale: ({ key, visibleVersion }, { version = 0 }) => new VersionConflictError(key, { version, visibleVersion }),
  taken: (_, { name = '', version = 0 }) => new VersionConflictError(name, { version, visibleVersion: undefined }),
  mismatch: (failure) => new MismatchError(failure.key, failure),
  overlap: ({ key, regions }) => new OverlapError(key, regions),
  uncovered: ({ key, uncovered }) => new CoverageError(key, uncovered),
  tooFarAhead: ({ missingRanks }, { name = '' }) => new IncompleteError(name, missingRanks),
  aborted: ({ reason }, { name = '' }) => new TransactionAbortedError(name, reason),
  overQuota: (failure) => new QuotaError(failure),
  sessionEnded: () => new VolumeUnavailableError('of this session', 'the connection to it was lost'),
};

/** The error that an answer of the controller stands for; undefined when it is no failure. */
export function failureOf(answer: Failure | { readonly status: string }, context: Context): Error | undefined {
  if (!isFailure(answer)) return undefined;
  // The table has, for each status, the function for its answer.
  return (failures[answer.status] as (failure: Failure, context: Context) => Error)(answer, context);
}

function isFailure(answer: { readonly status: string }): answer is Failure {
  return Object.hasOwn(failures, answer.status);
}
