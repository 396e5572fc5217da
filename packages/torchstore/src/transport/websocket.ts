import { crc32 } from 'node:zlib';
import { byteCount, type Fetch, groupFetches, packTarget, placePacked, targetRun } from '../byte-box.ts';
import { joinChecksums } from '../checksum.ts';
import { concurrently } from '../concurrently.ts';
import type { Connection } from './connection.ts';
import { maxBoxes, maxPayloadBytes, window } from './frame.ts';
import type { WriteRequest } from './requests.ts';
import type { TransferOptions, Transport, TransportKind } from './transport.ts';

const nothing = new Uint8Array(0);

/** Sends and asks for frames of at most 1 MiB on the connection to a volume; what it asks for bounds what it receives. */
export function webSocketTransport(
  connection: Connection,
  kind: Extract<TransportKind, 'unix' | 'websocket'> = 'websocket',
): Transport {
  const { isChecked } = connection;
  const scratch: Uint8Array[] = [];
  const fetchOne = async (fetch: Fetch, target: Uint8Array, options: TransferOptions) => {
    const { checksum } = await connection.request(readRequest([fetch], target), options);
    if (checksum !== undefined) fetch.proof?.add(fetch, checksum);
  };
  const fetchPacked = async (group: readonly Fetch[], options: TransferOptions) => {
    const memory = scratch.pop() ?? new Uint8Array(maxPayloadBytes);
    const bytes = group.reduce((sum, { box }) => sum + byteCount(box), 0);
    const { payload } = await connection.request(readRequest(group, memory.subarray(0, bytes)), options);
    let start = 0;
    for (const fetch of group) {
      const end = start + byteCount(fetch.box);
      placePacked(fetch, payload.subarray(start, end));
      // Of what lies in the target: that it was put in the right place is part of the proof.
      if (isChecked) fetch.proof?.add(fetch, crc32(targetRun(fetch) ?? packTarget(fetch)));
      start = end;
    }
    scratch.push(memory);
  };
  return {
    kind,
    isChecked,
    async write(segment, buffers, { overwrites = false, signal } = {}) {
      const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
      const checksums: number[] = [];
      const cuts = cutBuffers(buffers, isChecked ? checksums : undefined);
      await concurrently(cuts, window, async ({ offset, payload, checksum }) => {
        const meta: WriteRequest = { segment, offset, bytes, overwrites };
        // What was sent is waited for: when this settles, nothing on its way writes to the segment any more.
        if (signal?.aborted !== true) await connection.request({ type: 'write', meta, payload, checksum });
      });
      await connection.request({ type: 'seal', meta: { segment }, payload: nothing }); // what was cancelled too
      signal?.throwIfAborted();
      return isChecked ? checksums : undefined;
    },
    async read(fetches, options = {}) {
      const groups = groupFetches(fetches, { maxBytes: maxPayloadBytes, maxCount: maxBoxes });
      await concurrently(groups, window, async (group) => {
        options.signal?.throwIfAborted();
        const [first] = group;
        const target = first !== undefined && group.length === 1 ? targetRun(first) : undefined;
        if (first !== undefined && target !== undefined) await fetchOne(first, target, options);
        else await fetchPacked(group, options);
      });
    },
  };
}

function readRequest(group: readonly Fetch[], target: Uint8Array) {
  return { type: 'read', meta: { boxes: group.map(({ box }) => box) }, payload: nothing, target } as const;
}

/** A part of a segment, as it is sent. */
interface Cut {
  readonly offset: number;
  readonly payload: Uint8Array;
  /** Its CRC-32, when it was computed already. */
  readonly checksum?: number;
}

/** Buffers smaller than this are joined, so that many small tensors do not become many frames. */
const smallBytes = 2 ** 16;

/** Cuts buffers that lie side by side into payloads, and adds the checksum of each buffer to a list if there is one. */
function* cutBuffers(buffers: readonly Uint8Array[], checksums: number[] | undefined): Generator<Cut> {
  let offset = 0;
  let small: Uint8Array[] = [];
  let smallTotal = 0;
  for (const buffer of buffers) {
    const isSmall = buffer.length < smallBytes;
    if (small.length > 0 && (!isSmall || smallTotal + buffer.length > maxPayloadBytes)) {
      yield { offset, payload: Buffer.concat(small, smallTotal) };
      offset += smallTotal;
      small = [];
      smallTotal = 0;
    }
    if (isSmall) {
      small.push(buffer);
      smallTotal += buffer.length;
      checksums?.push(crc32(buffer));
      continue;
    }
    let whole = 0;
    for (let start = 0; start < buffer.length; start += maxPayloadBytes) {
      const payload = buffer.subarray(start, start + maxPayloadBytes);
      if (checksums === undefined) yield { offset, payload };
      else {
        const checksum = crc32(payload);
        whole = joinChecksums(whole, checksum, payload.length);
        yield { offset, payload, checksum };
      }
      offset += payload.length;
    }
    checksums?.push(whole);
  }
  if (small.length > 0) yield { offset, payload: Buffer.concat(small, smallTotal) };
}
