import type { Claim, CommitOutcome, ObjectPart, Part } from './batch.ts';
import type { Client } from './client.ts';
import { bytesOfObjects, inlineBytesOf } from './holdings.ts';
import { inlineParts } from './inline-parts.ts';
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
}

/** Bytes that lie in the store and that nobody sees yet. */
export interface Staged {
  readonly parts: readonly Part[];
  readonly objects: readonly ObjectPart[];
  readonly reservations: readonly number[];
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
  { title, pieces, objects, reuse }: Stored & { readonly title: Title; readonly reuse?: Reuse | undefined },
): Promise<Staged> {
  const { options } = client.address;
  const homes = await session.homes(title.participant?.rank ?? 0);
  const skipReplicas = skipsReplicas(client);
  const reservations: number[] = [];
  if (options.hasQuota) {
    const targets = homes.map(({ volume }) => volume);
    const wanted = bytesToWrite(pieces, { volumes: targets, skipReplicas }) + bytesOfObjects(objects);
    const answer = await client.ask((controller, deadline) =>
      controller.reserve.with(deadline).callOne(session.id, wanted),
    );
    reservations.push(client.checked(session, answer).reservation);
  }
  try {
    const nextSegment = reuse?.nextSegment ?? (() => session.nextSegment());
    const parts = await writePieces(pieces, {
      homes,
      nextSegment,
      skipReplicas,
      overwrites: reuse !== undefined,
      counter: client.puts,
    });
    return { parts, objects, reservations };
  } catch (error) {
    session[Symbol.dispose](); // the volume removes what an ended session did not commit, and its reservations end
    throw error;
  }
}

/** What a commit says beside what was staged. */
export interface CommitOptions {
  readonly title: Title;
  readonly transaction?: number | undefined;
  /** The commit begins its transaction too. @default false */
  readonly begins?: boolean;
  readonly structure?: Structure | undefined;
  readonly keepsSegments?: boolean;
}

/** What came of a commit that was taken in. */
export type Committed = Extract<CommitOutcome, { readonly status: 'visible' | 'pending' }>;

/** Commits what one rank has staged. When this rejects, nothing of it is or becomes visible. */
export async function commit(
  client: Client,
  session: Session,
  { title, transaction, structure, ...staged }: CommitOptions & Staged,
): Promise<Committed> {
  const batch = { ...title, ...staged, session: session.id, transaction, structure };
  const outcome = await client.ask<CommitOutcome>((controller, deadline) =>
    controller.commit.with(deadline).callOne(batch),
  );
  const committed = client.checked(session, outcome, title);
  client.puts.moved('inline', inlineBytesOf(staged.parts));
  return committed;
}

/** Stores pieces and objects that become visible together with those of the other ranks. */
export async function putTogether(client: Client, title: Title, stored: Stored): Promise<void> {
  await client.puts.measure(() =>
    client.attempt(async (session) => {
      await session.anchor();
      const staged = stageInline(client, stored) ?? (await stage(client, session, { title, ...stored }));
      await commit(client, session, { title, ...staged });
    }),
  );
}
