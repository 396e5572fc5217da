import { type ActorMesh, endpoint, type RemoteBuffer } from '@forge/monarch';
import { ForgeActor } from '@forge/service';
import { type Giver, Offers } from './offers.ts';

/** This rank waits for another one that cannot go on. What is wrong is told by that one. */
class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly code = 'ERR_TRAINER_PEER';
  readonly rank: number;

  constructor(rank: number, cause: unknown) {
    super(`Rank ${rank} gave no answer.`, { cause });
    this.rank = rank;
  }
}

/** An actor whose offers others can take. */
export abstract class GivingActor extends ForgeActor {
  protected readonly offers: Offers = new Offers();

  /** See {@link Giver}; for other ranks. */
  readonly take = endpoint((key: string): Promise<RemoteBuffer | undefined> => this.offers.take(key), {
    concurrency: Number.POSITIVE_INFINITY,
  });

  /** See {@link Giver}; for other ranks. */
  readonly done = endpoint((key: string): void => this.offers.done(key), { concurrency: Number.POSITIVE_INFINITY });
}

/** The offers of each rank, those of this one without a message. */
export function giversOf(ranks: ActorMesh<GivingActor, 'rank'>, own: number, offers: Offers): readonly Giver[] {
  return Array.from({ length: ranks.length }, (_, rank): Giver => {
    if (rank === own) return offers;
    const peer = ranks.slice({ rank });
    return {
      take: async (key) => {
        try {
          return await peer.take.callOne(key);
        } catch (cause) {
          throw new PeerError(rank, cause);
        }
      },
      done: (key) => peer.done.broadcast(key),
    };
  });
}

/** Reads numbers of another rank. @throws {PeerError} */
export async function readNumbers(
  rank: number,
  buffer: RemoteBuffer,
  { at, into }: { readonly at: number; readonly into: Float32Array },
): Promise<void> {
  try {
    const { BYTES_PER_ELEMENT: bytesEach } = Float32Array;
    await buffer.readInto(into, { offset: at * bytesEach, byteLength: into.byteLength });
  } catch (cause) {
    throw new PeerError(rank, cause);
  }
}
