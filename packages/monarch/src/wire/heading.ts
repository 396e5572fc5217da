import { DecodeError } from '../errors.ts';
import { type Extent, NamedExtent } from '../mesh/extent.ts';
import { pack } from './codec.ts';
import { unpack } from './unpack.ts';

/**
 * What all requests made by one handle for one endpoint have in common: its name, and the dimensions of the mesh that
 * is messaged. Few different ones are sent, and often: both sides keep their bytes.
 */
export class Heading {
  readonly endpoint: string;
  /** The receiver is one rank of it. */
  readonly extent: Extent<string>;
  #packed: Uint8Array | undefined;

  constructor(endpoint: string, extent: Extent<string>) {
    this.endpoint = endpoint;
    this.extent = extent;
  }

  /** As bytes. */
  get packed(): Uint8Array {
    // A copy: what `pack` gives shares its memory with much else.
    this.#packed ??= new Uint8Array(pack([this.endpoint, this.extent.labels, this.extent.sizes]));
    return this.#packed;
  }
}

const known = new Map<string, Heading>();
const MAX_KNOWN = 1_024;
const MAX_KNOWN_BYTES = 1_024;

/** The heading of these bytes, one character each. @throws {DecodeError} when it is none. */
export function headingOf(packed: string): Heading {
  let heading = known.get(packed);
  if (heading === undefined) {
    heading = unpackHeading(Buffer.from(packed, 'latin1'));
    if (known.size >= MAX_KNOWN) known.clear();
    if (packed.length <= MAX_KNOWN_BYTES) known.set(packed, heading);
  }
  return heading;
}

function unpackHeading(bytes: Uint8Array): Heading {
  const value = unpack(bytes);
  const [endpoint, labels, sizes] = Array.isArray(value) ? value : [];
  const isList = (list: unknown, type: string): boolean =>
    Array.isArray(list) && list.every((item) => typeof item === type);
  if (typeof endpoint !== 'string' || !isList(labels, 'string') || !isList(sizes, 'number'))
    throw new DecodeError('a heading is damaged.');
  try {
    // Checked item by item.
    return new Heading(endpoint, new NamedExtent(labels as readonly string[], sizes as readonly number[]));
  } catch (cause) {
    throw new DecodeError('the dimensions of a heading are damaged.', { cause });
  }
}
