/** What a frame between the sandbox and its process holds; the length of the payload follows, then the payload. */
export const FRAME = { image: 0, ready: 1, request: 2, stdout: 3, stderr: 4, done: 5 } as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Bytes before the payload: type, and its length as 32 bits, little-endian. */
export const HEADING_BYTES = 5;

/** What a process is asked to run. */
export interface Request {
  readonly code: string;
  readonly stdin: string;
  readonly timeoutMs: number;
}

/** How an execution ended. */
export interface Done {
  readonly result?: string;
  readonly timedOut: boolean;
}

/** A frame as bytes. */
export function encodeFrame(type: FrameType, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const frame = new Uint8Array(HEADING_BYTES + payload.length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(1, payload.length, true);
  frame.set(payload, HEADING_BYTES);
  return frame;
}

/** Type and length of the payload of the frame that begins here. */
export function readHeading(bytes: Uint8Array): { readonly type: number; readonly length: number } {
  return { type: bytes[0]!, length: new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true) }; // at least HEADING_BYTES long
}
