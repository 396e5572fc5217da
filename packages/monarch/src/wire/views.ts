/** Constructors of typed arrays and DataView, by name. */
export const VIEWS: ReadonlyMap<string, new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView> =
  new Map(
    [
      ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
      ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
    ].map((view) => [view.name, view]),
  );

/** Bytes of an element, by the name of the view; 1 for what has none. */
export function elementBytes(name: string): number {
  const view = VIEWS.get(name);
  return view !== undefined && 'BYTES_PER_ELEMENT' in view ? Number(view.BYTES_PER_ELEMENT) : 1;
}

/** The bytes that `view` shows, and no others of its buffer. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The same bytes as a Buffer, whose slices are views. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The text in a part of some bytes. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  if (end - start > 16) return bytes.toString('utf8', start, end);
  // Short texts are mostly ASCII, and then this is faster.
  let text = '';
  for (let i = start; i < end; i++) {
    const unit = bytes[i]!;
    if (unit > 0x7f) return bytes.toString('utf8', start, end);
    text += String.fromCharCode(unit);
  }
  return text;
}
