import { DecodeError } from '../errors.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type Heading, headingOf } from './heading.ts';

/**
 * The messages between two processes. `id` is chosen by the caller and names the call in both directions; `heading` says
 * what is called, `rank` which of that mesh the actor is; `timeoutMs` is the deadline from its sending on, or 0 when it has
 * none.
 *
 * ```
 *  caller                                 actor's process
 *    ── call id actor heading rank timeoutMs ──▶   runs; payload = arguments
 *    ◀── value id | error id | failure id   settled; payload = result
 *    ── stream id … credit ──▶
 *    ◀── item id (payload) …                never more than the credit granted
 *    ── credit id n ──▶
 *    ◀── end id | error id | failure id
 *    ── cancel id why ──▶                   aborts the endpoint's signal, ends its generator
 *    ── cast actor heading rank ──▶         nothing comes back
 * ```
 *
 * The last three are about memory that is lent over the link: see LendingLink.
 * What asks for something may end with a carrier: the span within which it does, for OpenTelemetry.
 */
export type Message = CallMessage | LinkMessage;

/** A message about a call. */
export type CallMessage =
  | readonly [
      'call',
      id: number,
      actor: number,
      heading: Heading,
      rank: number,
      timeoutMs: number,
      carrier: string | undefined,
    ]
  | readonly [
      'stream',
      id: number,
      actor: number,
      heading: Heading,
      rank: number,
      timeoutMs: number,
      carrier: string | undefined,
      credit: number,
    ]
  | readonly ['cast', actor: number, heading: Heading, rank: number, carrier: string | undefined]
  | readonly ['cancel', id: number, why: 'timeout' | 'abort']
  | readonly ['credit', id: number, amount: number]
  | Answer<'value'>
  | Answer<'error'>
  | Answer<'failure'>
  | Answer<'item'>
  | Answer<'end'>;

type Answer<Tag> = readonly [tag: Tag, id: number];

/** A message from one end of a link to the other. */
export type LinkMessage = readonly ['probe'] | readonly ['probed'] | readonly ['release', lease: number];

/** How a message is written behind its tag. */
interface Form<M> {
  write(writer: ByteWriter, message: M): void;
  read(reader: ByteReader): M;
}

function answer<const Tag extends 'value' | 'error' | 'failure' | 'item' | 'end'>(tag: Tag): Form<Answer<Tag>> {
  return { write: (writer, [, id]) => writer.count(id), read: (reader) => [tag, reader.count()] };
}

/** The messages, in the order of their numbers on the wire. */
const FORMS: { readonly [Tag in Message[0]]: Form<Extract<Message, readonly [Tag, ...(readonly unknown[])]>> } = {
  call: {
    write: (writer, message) => {
      writer.count(message[1]);
      writer.count(message[2]);
      writer.sized(message[3].packed);
      writer.count(message[4]);
      writer.count(message[5]);
      writer.optionalText(message[6]);
    },
    read: (reader) => [
      'call',
      reader.count(),
      reader.count(),
      headingOf(reader.key()),
      reader.count(),
      reader.count(),
      reader.optionalText(),
    ],
  },
  stream: {
    write: (writer, [, id, actor, heading, rank, timeoutMs, carrier, credit]) => {
      writer.count(id);
      writer.count(actor);
      writer.sized(heading.packed);
      writer.count(rank);
      writer.count(timeoutMs);
      writer.optionalText(carrier);
      writer.count(credit);
    },
    read: (reader) => [
      'stream',
      reader.count(),
      reader.count(),
      headingOf(reader.key()),
      reader.count(),
      reader.count(),
      reader.optionalText(),
      reader.count(),
    ],
  },
  cast: {
    write: (writer, [, actor, heading, rank, carrier]) => {
      writer.count(actor);
      writer.sized(heading.packed);
      writer.count(rank);
      writer.optionalText(carrier);
    },
    read: (reader) => ['cast', reader.count(), headingOf(reader.key()), reader.count(), reader.optionalText()],
  },
  cancel: {
    write: (writer, [, id, why]) => {
      writer.count(id);
      writer.u8(WHYS.indexOf(why));
    },
    read: (reader) => ['cancel', reader.count(), whyOf(reader.u8())],
  },
  credit: {
    write: (writer, [, id, amount]) => {
      writer.count(id);
      writer.count(amount);
    },
    read: (reader) => ['credit', reader.count(), reader.count()],
  },
  value: answer('value'),
  error: answer('error'),
  failure: answer('failure'),
  item: answer('item'),
  end: answer('end'),
  probe: { write: () => {}, read: () => ['probe'] },
  probed: { write: () => {}, read: () => ['probed'] },
  release: { write: (writer, [, lease]) => writer.count(lease), read: (reader) => ['release', reader.count()] },
};
const FORM_LIST: readonly Form<Message>[] = Object.values(FORMS);
const NUMBERS: ReadonlyMap<string, number> = new Map(Object.keys(FORMS).map((tag, number) => [tag, number]));

const WHYS = ['timeout', 'abort'] as const;

function whyOf(number: number): 'timeout' | 'abort' {
  const why = WHYS[number];
  if (why === undefined) throw new DecodeError(`${number} is no reason to cancel.`);
  return why;
}

/** Writes a message. */
export function writeMessage(writer: ByteWriter, message: Message): void {
  // FORMS has every tag.
  const number = NUMBERS.get(message[0])!;
  writer.u8(number);
  FORM_LIST[number]!.write(writer, message);
}

/** Reads a message. @throws {DecodeError} when it is none. */
export function readMessage(reader: ByteReader): Message {
  const number = reader.u8();
  const form = FORM_LIST[number];
  if (form === undefined) throw new DecodeError(`a message of kind ${number} is unknown.`);
  return form.read(reader);
}

/** Whether a message asks for something to be run. */
export function isRequest({ 0: tag }: Message): boolean {
  return tag === 'call' || tag === 'stream' || tag === 'cast';
}

/**
 * What must stay in order: the requests to one actor, and the answers of one call. A message may overtake those of any
 * other channel, and all when it has none.
 */
export function channelOf(message: Message): number | undefined {
  switch (message[0]) {
    case 'call':
    case 'stream':
      return message[2];
    case 'cast':
      return message[1];
    case 'cancel':
    case 'credit':
    case 'probe':
    case 'probed':
    case 'release':
      return undefined;
    default:
      // Calls are numbered from 1.
      return -message[1];
  }
}

const LAST_WORDS: ReadonlySet<string> = new Set(['stop', 'leave']);

/** Whether a message asks a process to end something: such a one comes after all that was sent before, to whomever. */
export function comesLast(message: Message): boolean {
  return message[0] === 'call' && message[2] === 0 && LAST_WORDS.has(message[3].endpoint);
}
