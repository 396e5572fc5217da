import type { Client } from './client.ts';
import { DeadlineError, VolumeUnavailableError } from './failures.ts';
import type { Session } from './session.ts';
import type { Participant } from './sharded-tensor.ts';
import { pieceOf } from './sharded-tensor.ts';
import { flattenStateDict, type StateDict } from './state-dict.ts';
import { type CommitResult, putInTransaction, transactionTitle } from './transaction.ts';

/** How a publisher shares its prefix with other ranks. */
export interface PublisherOptions {
  /** This rank among those that publish together. @default rank 0 of 1 */
  readonly participant?: Participant;
}

/** One of the two sets of segments that a publisher writes in turn. */
interface SegmentSet {
  readonly names: string[];
  readonly volumes: Set<string>;
}

/**
 * Publishes a state dict again and again under one prefix. It writes two sets of segments in turn: one version is visible
 * while the next is written into the memory of the one before, so two versions are all that it ever takes, and readers
 * always have a whole one.
 */
export class Publisher implements AsyncDisposable {
  readonly prefix: string;
  readonly #client: Client;
  readonly #participant: Participant;
  #session: Session | undefined;
  #sets: readonly [SegmentSet, SegmentSet] = newSets();
  #turn: 0 | 1 = 0;

  constructor(client: Client, prefix: string, { participant = { rank: 0, ranks: 1 } }: PublisherOptions) {
    this.#client = client;
    this.prefix = prefix;
    this.#participant = participant;
  }

  /**
   * Makes a state dict visible, in place of the version before. Waits until nobody reads or leases the version before
   * that one: its memory is written. The tensors must not change until this resolves.
   * @throws {VersionConflictError} when a newer version is visible or another publisher writes it.
   * @throws {DeadlineError} when a reader holds the version before the last one for too long.
   */
  async publish(stateDict: StateDict, version?: number): Promise<CommitResult> {
    const { tensors, structure } = flattenStateDict(this.prefix, stateDict);
    const pieces = [...tensors].map(([key, value]) => pieceOf(key, value));
    const title = transactionTitle(this.prefix, this.#participant, version);
    const outcome = await this.#client.puts.measure(async () => {
      const session = this.#open();
      const set = this.#sets[this.#turn];
      let next = 0;
      const nextSegment = () => {
        set.names[next] ??= session.nextSegment();
        next += 1;
        return set.names[next - 1]!; // set a line above
      };
      try {
        for (const { volume } of await session.homes(this.#participant.rank)) set.volumes.add(volume);
        await this.#waitUntilIdle(set, session);
        return await putInTransaction(this.#client, session, {
          title,
          structure,
          pieces,
          objects: [],
          reuse: { nextSegment },
        });
      } catch (error) {
        if (session.isEnded || error instanceof VolumeUnavailableError) await this.#client.abandon(session, error);
        throw error;
      }
    });
    this.#turn = this.#turn === 0 ? 1 : 0;
    if (outcome.status === 'visible') return { generation: outcome.generation, missingRanks: [] };
    return { generation: undefined, missingRanks: outcome.missingRanks };
  }

  #open(): Session {
    if (this.#session === undefined || this.#session.isEnded) {
      this.#session = this.#client.openSession();
      this.#sets = newSets(); // those of the ended session stay while their version is read, then go
    }
    return this.#session;
  }

  async #waitUntilIdle({ names, volumes }: SegmentSet, session: Session): Promise<void> {
    const { timeoutMs } = this.#client.address.options;
    const segments = [...volumes].flatMap((volume) => names.map((segment) => ({ volume, segment })));
    if (segments.length === 0) return;
    try {
      const spoiled = await this.#client.ask((controller) => controller.whenIdle(segments));
      // On no volume: the others remove what is not written under its name any more when this session ends.
      for (const { segment } of spoiled) {
        const index = names.indexOf(segment);
        if (index >= 0) names[index] = session.nextSegment();
      }
    } catch (cause) {
      if (!(cause instanceof DeadlineError)) throw cause;
      throw new DeadlineError(`A reader of '${this.prefix}', which holds the version before the last one,`, timeoutMs, {
        cause,
      });
    }
  }

  /** Ends the publishing; the last version stays visible. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#session?.[Symbol.dispose]();
  }
}

const newSet = (): SegmentSet => ({ names: [], volumes: new Set() });
const newSets = (): readonly [SegmentSet, SegmentSet] => [newSet(), newSet()];
