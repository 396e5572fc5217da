import type { Claim, CommitOutcome, ObjectPart, Part, Unused } from './batch.ts';
import { packBatch } from './batch-codec.ts';
import { unlessAborted } from './cancellation.ts';
import type { Client } from './client.ts';
import { bytesOfObjects, inlineBytesOf } from './holdings.ts';
import { inlineParts } from './inline-parts.ts';
import type { SegmentSpot } from './live-memory.ts';
import { bytesToWrite } from './pack.ts';
import type { Session } from './session.ts';
import type { Structure } from './state-dict.ts';
import { writePieces } from './transfer.ts';
import type { Stored } from './value.ts';

/** What a put says about itself; the session is added where it is written. */
export type Title = Omit<Claim, 'session'>;

/** Segments that a writer uses again and again. */
export interface Reuse {
  readonly nextSegment: () => string;
  /** Where bytes lie that need not be written; undefined when they must be. */
  readonly spotOf: (bytes: Uint8Array) => SegmentSpot | undefined;
  /** Called when all is written, before it may become visible. */
  readonly seal: () => void;
}

/** Bytes that lie in the store and that nobody sees yet. */
export interface Staged {
  readonly parts: readonly Part[];
  readonly objects: readonly ObjectPart[];
  readonly reservations: readonly number[];
}

/** What is put, and how the putting may end. */
export interface Put extends Stored {
  readonly title: Title;
  readonly signal?: AbortSignal | undefined;
}

/** @throws RangeError when its rank or version cannot be. */
export function checkTitle({ name, participant, version }: Title): void {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (version !== undefined && !isCount(version))
    throw new RangeError(`'${name}' cannot have version ${version}. Give a whole number of at least 0.`);
  if (participant === undefined) return;
  const { rank, ranks } = participant;
  if (!isCount(rank) || !isCount(ranks) || rank >= ranks)
    throw new RangeError(`'${name}' cannot be put by rank ${rank} of ${ranks}. Ranks count from 0.`);
}

/** Whether pieces that another rank holds too are left to that rank: all ranks write to one volume. */
function skipsReplicas({ address: { volumes, options }, selectsVolumes }: Client): boolean {
  return volumes.length === 1 || (options.strategy === 'single' && !selectsVolumes);
}

/** What a commit can bring along, without anything that has to be written before it; undefined when it is too much. */
export function stageInline(
  client: Client,
  { pieces, objects }: Stored,
  maxBytes: number = client.address.options.inlineBytes,
): Staged | undefined {
  const parts = inlineParts(pieces, { maxBytes, skipReplicas: skipsReplicas(client) });
  return parts === undefined ? undefined : { parts, objects, reservations: [] };
}

/** Writes what will be committed, after the quota has room for it. @throws {QuotaError} before a byte moves */
export async function stage(
  client: Client,
  session: Session,
  { title, pieces, objects, signal, reuse }: Put & { readonly reuse?: Reuse | undefined },
): Promise<Staged> {
  const { options } = client.address;
  const homes = await unlessAborted(session.homes(title.participant?.rank ?? 0), signal);
  const skipReplicas = skipsReplicas(client);
  const reservations: number[] = [];
  if (options.hasQuota) {
    const wanted = bytesToWrite(pieces, { volumes: homes.length, skipReplicas }) + bytesOfObjects(objects);
    const answer = await client.ask((controller) => controller.reserve(session.id, wanted), {
      signal,
      undo: (late) => {
        if (late.status === 'reserved') discard(client, session, { reservations: [late.reservation], segments: [] });
      },
    });
    reservations.push(client.checked(session, answer).reservation);
  }
  const names: string[] = [];
  const nextSegment = () => {
    const name = reuse?.nextSegment() ?? session.nextSegment();
    names.push(name);
    return name;
  };
  const overwrites = reuse !== undefined;
  const { puts: counter } = client;
  const spotOf = reuse?.spotOf;
  const writing = writePieces(pieces, { homes, nextSegment, spotOf, skipReplicas, overwrites, counter, signal });
  try {
    // Segments that are used again must not be written any more when this returns.
    const parts = await (reuse === undefined ? unlessAborted(writing, signal) : writing);
    return { parts, objects, reservations };
  } catch (error) {
    // The volume removes what an ended session did not commit, and its reservations end.
    if (signal?.aborted !== true) session[Symbol.dispose]();
    else {
      const segments = overwrites ? [] : homes.flatMap(({ volume }) => names.map((segment) => ({ volume, segment })));
      const giveUp = () => discard(client, session, { reservations, segments });
      writing.then(giveUp, giveUp);
    }
    throw error;
  }
}

/** Gives back what will not be committed: memory that was written, and space that was set aside. */
export function discard(client: Client, session: Session, unused: Unused): void {
  const { reservations, segments } = unused;
  if (session.isEnded || reservations.length + segments.length === 0) return;
  client.inBackground((controller) => controller.discard(session.id, unused), session);
}

/** What a commit says beside what was staged. */
export interface CommitOptions {
  readonly title: Title;
  readonly signal?: AbortSignal | undefined;
  readonly transaction?: number | undefined;
  /** The commit begins its transaction too. @default false */
  readonly begins?: boolean;
  readonly structure?: Structure | undefined;
  readonly keepsSegments?: boolean;
}

/** What came of a commit that was taken in. */
export type Committed = Extract<CommitOutcome, { readonly status: 'visible' | 'pending' }>;

/**
 * Commits what one rank has staged. When this rejects, nothing of it is or becomes visible; only when it was cancelled
 * all of it may be.
 */
export async function commit(
  client: Client,
  session: Session,
  { title, transaction, structure, signal, ...staged }: CommitOptions & Staged,
): Promise<Committed> {
  const batch = { ...title, ...staged, session: session.id, transaction, structure };
  const outcome = await client.ask<CommitOutcome>((controller) => controller.commit(packBatch(batch)), {
    signal,
    undo: (late) => {
      if (late.status === 'pending') client.inBackground((controller) => controller.retract(late.batch), session);
    },
  });
  const committed = client.checked(session, outcome, title);
  client.puts.moved('inline', inlineBytesOf(staged.parts));
  return committed;
}

/** Stores pieces and objects that become visible together with those of the other ranks. */
export async function putTogether(client: Client, put: Put): Promise<void> {
  const { title, signal } = put;
  checkTitle(title);
  await client.puts.measure(() =>
    client.attempt(async (session) => {
      await client.anchor(session, signal);
      const staged = stageInline(client, put) ?? (await stage(client, session, put));
      await commit(client, session, { title, signal, ...staged });
    }, signal),
  );
}
