import { DecodeError } from '../errors.ts';
import { type Extent, NamedExtent, type Point } from '../mesh/extent.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { pack } from './codec.ts';
import { unpack } from './unpack.ts';

/** Where within the mesh that was messaged the receiver stands: rank, labels, sizes. */
export type Position = readonly [rank: number, labels: readonly string[], sizes: readonly number[]];

/**
 * The messages between two processes. `id` is chosen by the caller and names the call in both directions; `timeoutMs` is its
 * deadline from its sending on, or 0 when it has none.
 *
 * ```
 *  caller                                 actor's process
 *    ── call id actor endpoint position timeoutMs ──▶    runs; payload = arguments
 *    ◀── value id | error id | failure id   settled; payload = result
 *    ── stream id … credit ──▶
 *    ◀── item id (payload) …                never more than the credit granted
 *    ── credit id n ──▶
 *    ◀── end id | error id | failure id
 *    ── cancel id why ──▶                   aborts the endpoint's signal, ends its generator
 *    ── cast actor endpoint position ──▶       nothing comes back
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
      endpoint: string,
      position: Position,
      timeoutMs: number,
      carrier?: string,
    ]
  | readonly [
      'stream',
      id: number,
      actor: number,
      endpoint: string,
      position: Position,
      timeoutMs: number,
      credit: number,
      carrier?: string,
    ]
  | readonly ['cast', actor: number, endpoint: string, position: Position, carrier?: string]
  | readonly ['cancel', id: number, why: 'timeout' | 'abort']
  | readonly ['credit', id: number, amount: number]
  | readonly ['value', id: number]
  | readonly ['error', id: number]
  | readonly ['failure', id: number]
  | readonly ['item', id: number]
  | readonly ['end', id: number];

/** A message from one end of a link to the other. */
export type LinkMessage = readonly ['probe'] | readonly ['probed'] | readonly ['release', lease: number];

type Field = 'count' | 'text' | 'position';

/** The messages, in the order of their numbers on the wire, with the fields after the tag. */
const MESSAGES: readonly (readonly [tag: Message[0], fields: readonly Field[]])[] = [
  ['call', ['count', 'count', 'text', 'position', 'count']],
  ['stream', ['count', 'count', 'text', 'position', 'count', 'count']],
  ['cast', ['count', 'text', 'position']],
  ['cancel', ['count', 'text']],
  ['credit', ['count', 'count']],
  ['value', ['count']],
  ['error', ['count']],
  ['failure', ['count']],
  ['item', ['count']],
  ['end', ['count']],
  ['probe', []],
  ['probed', []],
  ['release', ['count']],
];
/** Added to the number of a message that a carrier follows. */
const CARRIES = 0x80;
const NUMBERS: ReadonlyMap<string, number> = new Map(MESSAGES.map(([tag], number) => [tag, number]));

/** Writes a message. */
export function writeMessage(writer: ByteWriter, message: Message): void {
  // MESSAGES has every tag, and the fields are what it says: that is the type of Message.
  const number = NUMBERS.get(message[0])!;
  const fields = MESSAGES[number]![1];
  const carrier = message[fields.length + 1];
  writer.u8(carrier === undefined ? number : number | CARRIES);
  for (let i = 0; i < fields.length; i++) {
    const value = message[i + 1];
    if (typeof value === 'number') writer.f64(value);
    else if (typeof value === 'string') writer.text(value);
    else if (value !== undefined) writePosition(writer, value);
  }
  if (typeof carrier === 'string') writer.text(carrier);
}

/** Reads a message. @throws {DecodeError} when it is none. */
export function readMessage(reader: ByteReader): Message {
  const number = reader.u8();
  const known = MESSAGES[number & ~CARRIES];
  if (known === undefined || (number >= CARRIES && !known[1].includes('position')))
    throw new DecodeError(`a message of kind ${number} is unknown.`);
  const [tag, fields] = known;
  const message: unknown[] = [tag];
  for (const field of fields) message.push(READS[field](reader));
  if (tag === 'cancel' && message[2] !== 'timeout' && message[2] !== 'abort') {
    throw new DecodeError(`'${String(message[2])}' is no reason to cancel.`);
  }
  if (number >= CARRIES) message.push(reader.text());
  // Read by MESSAGES, which lists the fields of every member.
  return message as unknown as Message;
}

const READS: Readonly<Record<Field, (reader: ByteReader) => unknown>> = {
  count: (reader) => reader.count(),
  text: (reader) => reader.text(),
  position: readPosition,
};

/*
 * The dimensions of a position are those of its mesh, so few different ones are sent, and often: both sides keep their
 * bytes.
 */
const packedDimensions = new WeakMap<readonly number[], Uint8Array>();
const knownDimensions = new Map<string, readonly [readonly string[], readonly number[]]>();
const MAX_KNOWN = 1_024;
const MAX_KNOWN_BYTES = 1_024;

function writePosition(writer: ByteWriter, [rank, labels, sizes]: Position): void {
  writer.f64(rank);
  let bytes = packedDimensions.get(sizes);
  if (bytes === undefined) {
    bytes = new Uint8Array(pack([labels, sizes]));
    packedDimensions.set(sizes, bytes);
  }
  writer.sized(bytes);
}

function readPosition(reader: ByteReader): Position {
  const rank = reader.count();
  const key = reader.key();
  let dimensions = knownDimensions.get(key);
  if (dimensions === undefined) {
    dimensions = dimensionsOf(unpack(Buffer.from(key, 'latin1')));
    if (knownDimensions.size >= MAX_KNOWN) knownDimensions.clear();
    if (key.length <= MAX_KNOWN_BYTES) knownDimensions.set(key, dimensions);
  }
  return [rank, ...dimensions];
}

function dimensionsOf(value: unknown): readonly [readonly string[], readonly number[]] {
  const [labels, sizes] = Array.isArray(value) ? value : [];
  const isList = (list: unknown, type: string): boolean =>
    Array.isArray(list) && list.every((item) => typeof item === type);
  if (!isList(labels, 'string') || !isList(sizes, 'number'))
    throw new DecodeError('the dimensions of a position are damaged.');
  // Checked item by item.
  return [labels as readonly string[], sizes as readonly number[]];
}

/** A message that asks for something, with the span within which it does. */
export function withCarrier(message: Message, carrier: string | undefined): Message {
  // Only what asks is given one, and it stands last there.
  return carrier === undefined ? message : ([...message, carrier] as unknown as Message);
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
  return message[0] === 'call' && message[2] === 0 && LAST_WORDS.has(message[3]);
}

/** The point that a position names. @throws {ExtentError} when it is none. */
export function pointOf([rank, labels, sizes]: Position): Point<string> {
  return new NamedExtent(labels, sizes).point(rank);
}

/** The position that a point travels as. */
export function positionOf(rank: number, { labels, sizes }: Extent<string>): Position {
  return [rank, labels, sizes];
}
