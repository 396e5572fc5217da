import type { Absence, Found, QuestionOptions } from './batch.ts';
import type { Client } from './client.ts';
import { type PackedFound, type Unpacked, unpackFound } from './found-codec.ts';
import type { ShowTensor } from './get.ts';
import { Views } from './mapped-view.ts';
import { tensorOfPage } from './pages.ts';
import type { Wish } from './planner.ts';
import type { Session } from './session.ts';
import { readWishes } from './transfer.ts';

/** What a read asks for, and how it may end. */
export interface ReadRequest {
  /** Keys that must all be there, or the name of a state dict or prefix. */
  readonly of: readonly string[] | string;
  readonly how?: QuestionOptions;
  /** The name of the lease that is read. */
  readonly leaseName?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Chosen {
  readonly wishes: readonly Wish[];
}

/** What of something located is read, and where it goes. */
export type WishesOf<T extends Chosen> = (found: Found, show: ShowTensor) => T;

const isFound = (answer: PackedFound | Absence): answer is PackedFound => Array.isArray(answer);

/** Locates what is asked for, has `wishesOf` choose from it, and fills the targets of the wishes. */
export async function readLocated<T extends Chosen>(
  client: Client,
  request: ReadRequest,
  wishesOf: WishesOf<T>,
): Promise<T> {
  const { of, how, leaseName = '', signal } = request;
  const operation = async (session: Session): Promise<T> => {
    await client.anchor(session, signal); // a pin lives as long as this connection
    const answer = await client.ask<PackedFound | Absence>((controller) => controller.locate(session.id, of, how), {
      signal,
      undo: (late) => isFound(late) && unpin(client, session, unpackFound(late)),
    });
    const found = unpackFound(isFound(answer) ? answer : client.checked(session, answer, { name: leaseName }));
    const read = { client, session, found, signal };
    return found.pin === undefined ? readAnswer(read, wishesOf) : readPinned(read, wishesOf);
  };
  return client.gets.measure(() => client.attempt(operation, signal));
}

interface Read {
  readonly client: Client;
  readonly session: Session;
  readonly found: Unpacked;
  readonly signal: AbortSignal | undefined;
}

/** When the session ends the pin does, and what it held is never written again: views stay as they are. */
function unpin({ address }: Client, session: Session, { pin }: Unpacked): void {
  if (pin !== undefined && !session.isEnded) address.controller.release.broadcast(pin);
}

/** The answer has all bytes: nothing is held. */
async function readAnswer<T extends Chosen>(read: Read, wishesOf: WishesOf<T>): Promise<T> {
  const { client, found } = read;
  const { page } = found;
  const chosen = wishesOf(found, (located, region) => {
    const shown = page === undefined ? undefined : tensorOfPage(page, located, region);
    if (shown !== undefined) client.gets.moved('inline', shown.data.byteLength);
    return shown;
  });
  await fill(read, chosen.wishes);
  return chosen;
}

/** What was found stays where it is until it has been read, and as long as there are views of it. */
async function readPinned<T extends Chosen>(read: Read, wishesOf: WishesOf<T>): Promise<T> {
  const { client, session, found } = read;
  const views = new Views(await session.directories(), found.tensors, () => unpin(client, session, found));
  let hasFailed = true;
  try {
    const chosen = wishesOf(found, (located, region, mapped) => (mapped ? views.view(located, region) : undefined));
    await fill(read, chosen.wishes);
    hasFailed = false;
    return chosen;
  } finally {
    views.close({ hasFailed });
  }
}

async function fill({ client, session, found, signal }: Read, wishes: readonly Wish[]): Promise<void> {
  const { pin, page } = found;
  const pageAt = (number: number) =>
    number === 0 && page !== undefined
      ? page
      : client.ask((controller) => controller.page(pin ?? 0, number), { signal });
  const { planner, avoided, gets: counter } = client;
  await readWishes(wishes, { session, planner, avoided, counter, pageAt, signal });
}
