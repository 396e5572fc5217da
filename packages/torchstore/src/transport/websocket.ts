import { byteCount, type Fetch, groupFetches, placePacked } from '../byte-box.ts';
import { concurrently } from '../concurrently.ts';
import { FrameError } from '../failures.ts';
import type { Connection } from './connection.ts';
import { type Frame, maxBoxes, maxPayloadBytes, window } from './frame.ts';
import type { WriteRequest } from './requests.ts';
import type { Transport } from './transport.ts';

const noBytes = new Uint8Array(0);

/** Cuts buffers that lie side by side into payloads; each says where it goes. */
function* payloads(
  buffers: Iterable<Uint8Array>,
): Generator<{ readonly offset: number; readonly payload: Uint8Array }> {
  let offset = 0;
  for (const buffer of buffers) {
    for (let start = 0; start < buffer.length; start += maxPayloadBytes) {
      const payload = buffer.subarray(start, start + maxPayloadBytes);
      yield { offset: offset + start, payload };
    }
    offset += buffer.length;
  }
}

/** Sends and asks for frames of at most 1 MiB on the connection to a volume; what it asks for bounds what it receives. */
export function webSocketTransport(connection: Connection): Transport {
  const write = async (meta: WriteRequest, payload: Uint8Array) => {
    await connection.request({ type: 'write', meta, payload });
  };
  const fetchGroup = async (group: readonly Fetch[]) => {
    const meta = { boxes: group.map(({ box }) => box) };
    const answer = await connection.request({ type: 'read', meta, payload: noBytes });
    place(group, answer);
  };
  return {
    kind: 'websocket',
    async write(segment, buffers, { overwrites = false, signal } = {}) {
      await concurrently(payloads(packSmall(buffers)), window, async ({ offset, payload }) => {
        if (signal?.aborted !== true) await write({ segment, offset, isLast: false, overwrites }, payload);
      });
      await write({ segment, offset: 0, isLast: true, overwrites }, noBytes); // also what was cancelled is closed there
      signal?.throwIfAborted();
    },
    async read(fetches, { signal } = {}) {
      const groups = groupFetches(fetches, { maxBytes: maxPayloadBytes, maxCount: maxBoxes });
      await concurrently(groups, window, async (group) => {
        signal?.throwIfAborted();
        await fetchGroup(group);
      });
    },
  };
}

function place(group: readonly Fetch[], { payload }: Frame): void {
  let start = 0;
  for (const fetch of group) {
    const end = start + byteCount(fetch.box);
    if (end > payload.length) throw new FrameError(`An answer has ${payload.length} bytes, fewer than were asked for.`);
    placePacked(fetch, payload.subarray(start, end));
    start = end;
  }
}

/** Buffers smaller than this are joined first, so that many small tensors do not become many frames. */
const smallBytes = 2 ** 16;

function* packSmall(buffers: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let bytes = 0;
  for (const buffer of buffers) {
    if (small.length > 0 && (buffer.length >= smallBytes || bytes + buffer.length > maxPayloadBytes)) {
      yield Buffer.concat(small, bytes);
      small = [];
      bytes = 0;
    }
    if (buffer.length >= smallBytes) {
      yield buffer;
      continue;
    }
    small.push(buffer);
    bytes += buffer.length;
  }
  if (small.length > 0) yield Buffer.concat(small, bytes);
}
