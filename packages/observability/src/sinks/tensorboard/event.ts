/** What one record of an event file holds. */
export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step?: number;
  /** Of the first record alone. */
  readonly fileVersion?: string;
  readonly scalars?: Readonly<Record<string, number>>;
}

/** Wire types of protobuf. */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

/** An event as protobuf. Source: tensorflow `core/util/event.proto`, `core/framework/summary.proto`. */
export function encodeEvent({ wallTime, step, fileVersion, scalars = {} }: Event): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    field(1, BYTES, lengthPrefixed(Buffer.concat([field(1, BYTES, text(tag)), field(2, FIXED32, float(value))]))),
  );
  return Buffer.concat([
    field(1, FIXED64, double(wallTime)),
    ...(step === undefined ? [] : [field(2, VARINT, varint(step))]),
    ...(fileVersion === undefined ? [] : [field(3, BYTES, text(fileVersion))]),
    ...(values.length === 0 ? [] : [field(5, BYTES, lengthPrefixed(Buffer.concat(values)))]),
  ]);
}

const field = (number: number, wireType: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([varint((number << 3) | wireType), value]);

const text = (value: string): Uint8Array => lengthPrefixed(Buffer.from(value));

const lengthPrefixed = (bytes: Uint8Array): Uint8Array => Buffer.concat([varint(bytes.length), bytes]);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

function double(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function float(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
