import { Packr } from 'msgpackr/pack';
import { DecodeError, OversizeError } from '../errors.ts';
import { MAX_PACKED_BYTES } from './limits.ts';
import { type LowerOptions, lower, type Patch } from './lower.ts';
import { type Revive, raise } from './raise.ts';
import { unpack } from './unpack.ts';

/** A value on the wire: its small part packed, its buffers as they are. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly buffers: readonly Uint8Array[];
  /** Some buffers only stand for snapshots, which these can make into bytes. @default all are bytes */
  readonly snapshots?: Snapshots | undefined;
  /** Of those snapshots. @default 0 */
  readonly snapshotBytes?: number;
  /** The other side has all of it: nobody reads the buffers any more. Not called when that is never known. */
  readonly onArrived?: () => void;
  /** On the way: the buffers that are lent instead of sent, packed. See LendingLink. */
  readonly lent?: Uint8Array;
  /** Why it cannot be had, when it came and its buffers could not be read. */
  readonly damage?: DecodeError;
}

/** Bytes of a payload. */
export function byteLengthOf({ bytes, buffers }: Payload): number {
  let length = bytes.length;
  for (const buffer of buffers) length += buffer.length;
  return length;
}

/** Where snapshots were taken that a link can lend. See ProcessMemory. */
export interface Snapshots {
  /** The same payload as bytes, for a link that lends nothing. */
  settle(payload: Payload): Payload;
}

const packr = new Packr({ useRecords: false });

/** The payload of `undefined` in messages that carry nothing. */
export const EMPTY: Payload = { bytes: new Uint8Array(0), buffers: [] };

/** Packs plain data of this protocol. */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** A snapshot of `value` for the wire. @throws {UnsendableError | OversizeError} on what is not data, or too much. */
export function encode(value: unknown, options?: LowerOptions): Payload {
  const { value: plain, patches, buffers } = lower(value, options);
  const bytes = packr.pack(patches.length === 0 ? [plain] : [plain, patches]);
  if (bytes.length > MAX_PACKED_BYTES) throw new OversizeError('the top', bytes.length, MAX_PACKED_BYTES);
  return { bytes, buffers };
}

/** The inverse of {@link encode}. Never runs code of the sender. @throws {DecodeError} on anything but its output. */
export function decode({ bytes, buffers, damage }: Payload, revive: Revive = refuseReference): unknown {
  if (damage !== undefined) throw damage;
  if (bytes.length === 0 && buffers.length === 0) return undefined;
  const parts = unpack(bytes);
  if (!Array.isArray(parts) || parts.length < 1 || parts.length > 2) throw new DecodeError('it is not a payload.');
  if (parts.length === 1) return parts[0];
  try {
    return raise({ value: parts[0], patches: patchesOf(parts[1]), buffers }, revive);
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause;
    throw new DecodeError('its values do not fit their kinds.', { cause });
  }
}

function patchesOf(value: unknown): readonly Patch[] {
  const isPatch = (patch: unknown): patch is Patch =>
    Array.isArray(patch) && Array.isArray(patch[0]) && typeof patch[1] === 'string';
  if (!Array.isArray(value) || !value.every(isPatch)) throw new DecodeError('its patches are damaged.');
  return value;
}

function refuseReference(kind: string): never {
  throw new DecodeError(`it has a value of kind '${kind}', which nothing can stand for outside of a program.`);
}
