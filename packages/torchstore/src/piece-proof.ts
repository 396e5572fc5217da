import { crc32 } from 'node:zlib';
import { byteCount, type Fetch, type Proof, packTarget, targetRun } from './byte-box.ts';
import { joinChecksums } from './checksum.ts';
import { ChecksumError } from './failures.ts';

/** A piece, and what its writer knew of its bytes. */
export interface ProvenPiece {
  readonly key: string;
  readonly volume: string;
  readonly checksum: number;
}

/** Bytes whose checksum is computed at once; others get a turn in between. */
const bytesPerTurn = 4 * 2 ** 20;

/** The CRC-32 of bytes of any length. */
export async function checksumOf(bytes: Uint8Array): Promise<number> {
  let checksum = 0;
  for (let start = 0; start < bytes.length; start += bytesPerTurn) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    checksum = crc32(bytes.subarray(start, start + bytesPerTurn), checksum);
  }
  return checksum;
}

/**
 * Whether the bytes of a whole piece, as they lie where the reader wants them, are those that its writer had. Parts of it
 * may come in any order; no byte is looked at twice.
 */
export class PieceProof implements Proof {
  readonly #piece: ProvenPiece;
  readonly #parts: { readonly start: number; readonly bytes: number; readonly checksum: number }[] = [];

  constructor(piece: ProvenPiece) {
    this.#piece = piece;
  }

  add(part: Fetch, checksum: number): void {
    const { box } = part;
    this.#parts.push({ start: packedStart(box), bytes: byteCount(box), checksum });
  }

  async look(part: Fetch): Promise<void> {
    this.add(part, await checksumOf(targetRun(part) ?? packTarget(part)));
  }

  /** @throws {ChecksumError} when all parts together are not what the writer had */
  verify(): void {
    let actual = 0;
    for (const { bytes, checksum } of this.#parts.sort((a, b) => a.start - b.start))
      actual = joinChecksums(actual, checksum, bytes);
    const { key, volume, checksum: expected } = this.#piece;
    if (actual !== expected) throw new ChecksumError(key, { volume, expected, actual });
  }
}

/** Where a part of a piece begins among the bytes of the whole. */
function packedStart({ shape, offset }: Fetch['box']): number {
  return shape.reduce((start, extent, dim) => start * extent + offset[dim]!, 0); // a box has an offset in every dimension
}
