import { DecodeError } from '../errors.ts';
import { type Extent, NamedExtent, type Point } from '../mesh/extent.ts';
import { pack, unpack } from './codec.ts';

/** Where within the mesh that was messaged the receiver stands: rank, labels, sizes. */
export type Position = readonly [rank: number, labels: readonly string[], sizes: readonly number[]];

/**
 * The messages between two processes. `id` is chosen by the caller and names the call in both directions.
 *
 * ```
 *  caller                                 actor's process
 *    ── call id actor endpoint position ──▶    runs; payload = arguments
 *    ◀── value id | error id | failure id   settled; payload = result
 *    ── stream id … credit ──▶
 *    ◀── item id (payload) …                never more than the credit granted
 *    ── credit id n ──▶
 *    ◀── end id | error id | failure id
 *    ── cancel id why ──▶                   aborts the endpoint's signal, ends its generator
 *    ── cast actor endpoint position ──▶       nothing comes back
 * ```
 */
export type Message =
  | readonly ['call', id: number, actor: number, endpoint: string, position: Position]
  | readonly ['stream', id: number, actor: number, endpoint: string, position: Position, credit: number]
  | readonly ['cast', actor: number, endpoint: string, position: Position]
  | readonly ['cancel', id: number, why: 'timeout' | 'abort']
  | readonly ['credit', id: number, amount: number]
  | readonly ['value', id: number]
  | readonly ['error', id: number]
  | readonly ['failure', id: number]
  | readonly ['item', id: number]
  | readonly ['end', id: number];

/** Types of the fields after the tag. */
const FIELDS: Readonly<Record<Message[0], readonly string[]>> = {
  call: ['number', 'number', 'string', 'object'],
  stream: ['number', 'number', 'string', 'object', 'number'],
  cast: ['number', 'string', 'object'],
  cancel: ['number', 'string'],
  credit: ['number', 'number'],
  value: ['number'],
  error: ['number'],
  failure: ['number'],
  item: ['number'],
  end: ['number'],
};

/** Bytes of a message. */
export function packMessage(message: Message): Uint8Array {
  return pack(message);
}

/** The message in `bytes`. @throws {DecodeError} when it is none. */
export function unpackMessage(bytes: Uint8Array): Message {
  const value = unpack(bytes);
  if (!Array.isArray(value)) throw new DecodeError('it is not a message.');
  const tag: unknown = value[0];
  const fields = typeof tag === 'string' && Object.hasOwn(FIELDS, tag) ? FIELDS[tag as Message[0]] : undefined;
  if (fields === undefined) throw new DecodeError(`'${String(tag)}' is not a message.`);
  if (value.length !== fields.length + 1 || !fields.every((type, i) => typeof value[i + 1] === type)) {
    throw new DecodeError(`the fields of '${String(tag)}' are damaged.`);
  }
  // Checked against FIELDS, which lists the fields of every member.
  return value as unknown as Message;
}

/** The point that a position names. @throws {ExtentError} when it is none. */
export function pointOf([rank, labels, sizes]: Position): Point<string> {
  return new NamedExtent(labels, sizes).point(rank);
}

/** The position that a point travels as. */
export function positionOf(rank: number, { labels, sizes }: Extent<string>): Position {
  return [rank, labels, sizes];
}
