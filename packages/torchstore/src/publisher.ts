import type { Client } from './client.ts';
import { DeadlineError, VolumeUnavailableError } from './failures.ts';
import { type LiveHome, LiveMemory, liveHome } from './live-memory.ts';
import type { SegmentName } from './segments.ts';
import type { Session } from './session.ts';
import type { Participant } from './sharded-tensor.ts';
import { pieceOf } from './sharded-tensor.ts';
import { flattenStateDict, type StateDict } from './state-dict.ts';
import { type CommitResult, putInTransaction, transactionTitle } from './transaction.ts';
import { discard } from './writer.ts';

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
  readonly #live: LiveMemory[] = [];

  constructor(client: Client, prefix: string, { participant = { rank: 0, ranks: 1 } }: PublisherOptions) {
    this.#client = client;
    this.prefix = prefix;
    this.#participant = participant;
  }

  /**
   * Memory for the tensors that will be published, zeros at first, of at least so many bytes and at one address for ever.
   * What lies in it is published without a copy: beside this memory the store takes one more, not two. Where that is not
   * possible (more than 4 GiB in one piece, replicas, a volume whose memory this process does not share, no `koffi`) it is
   * an ordinary buffer, and publishing copies it.
   * @throws {VolumeFullError} when the memory of the volume is full.
   */
  async allocate(byteLength: number): Promise<ArrayBuffer> {
    const session = this.#open();
    const home = await liveHome(session, this.#participant.rank);
    const memory = home === undefined ? undefined : LiveMemory.reserve(byteLength);
    if (home === undefined || memory === undefined) return new ArrayBuffer(byteLength);
    await this.#openLive(memory, home);
    this.#live.push(memory);
    return memory.buffer;
  }

  /**
   * Copies allocated memory that was published to where the next version will be, once nobody reads or leases what was
   * there; nothing may be written to it meanwhile. The next publish copies nothing then, and writing costs what it costs
   * in any memory. Without it that publish copies first, and until then each page that is written is copied alone.
   * @throws {DeadlineError} when a reader holds the version before the last one for too long.
   */
  async prepare(): Promise<void> {
    const session = this.#open();
    if (this.#live.length === 0) return;
    const home = await liveHome(session, this.#participant.rank);
    if (home === undefined) return; // the volume is another one now: publishing copies
    for (const memory of this.#live) if (memory.needsOpening(home)) await this.#openLive(memory, home);
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
      let hasSealed = false;
      const seal = () => {
        hasSealed = this.#live.length > 0;
        for (const memory of this.#live) memory.seal();
      };
      const spotOf = (bytes: Uint8Array) => {
        for (const memory of this.#live) {
          const spot = memory.spotOf(bytes, session);
          if (spot !== undefined) return spot;
        }
        return undefined;
      };
      try {
        await this.prepare();
        for (const { volume } of await session.homes(this.#participant.rank)) set.volumes.add(volume);
        await this.#waitUntilIdle(set, session);
        return await putInTransaction(this.#client, session, {
          title,
          structure,
          pieces,
          objects: [],
          reuse: { nextSegment, spotOf, seal },
        });
      } catch (error) {
        // What was sealed may be visible all the same: the next version takes other segments.
        if (session.isEnded || hasSealed || error instanceof VolumeUnavailableError)
          await this.#client.abandon(session, error);
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
    const segments = [...volumes].flatMap((volume) => names.map((segment) => ({ volume, segment })));
    if (segments.length === 0) return;
    // On no volume: the others remove what is not written under its name any more when this session ends.
    for (const { segment } of await this.#spoiledWhenIdle(segments)) {
      const index = names.indexOf(segment);
      if (index >= 0) names[index] = session.nextSegment();
    }
  }

  async #openLive(memory: LiveMemory, home: LiveHome): Promise<void> {
    const { session, link } = home;
    const segments: SegmentName[] = [];
    const claim = async (segment: string) => {
      const spoiled = await this.#spoiledWhenIdle([{ volume: link.volume, segment }]);
      const claimed = spoiled.length === 0 ? segment : session.nextSegment();
      segments.push({ volume: link.volume, segment: claimed });
      return claimed;
    };
    try {
      await memory.open(home, claim);
    } catch (error) {
      discard(this.#client, session, { reservations: [], segments }); // a part of it may have been written
      throw error;
    }
  }

  /** Waits until nobody uses segments; returns those that must not be written again all the same. */
  async #spoiledWhenIdle(segments: readonly SegmentName[]): Promise<readonly SegmentName[]> {
    const { timeoutMs } = this.#client.address.options;
    try {
      return await this.#client.ask((controller) => controller.whenIdle(segments));
    } catch (cause) {
      if (!(cause instanceof DeadlineError)) throw cause;
      throw new DeadlineError(`A reader of '${this.prefix}', which holds the version before the last one,`, timeoutMs, {
        cause,
      });
    }
  }

  /** Ends the publishing; the last version stays visible, and allocated memory what it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const memory of this.#live) memory[Symbol.dispose]();
    this.#session?.[Symbol.dispose]();
  }
}

const newSet = (): SegmentSet => ({ names: [], volumes: new Set() });
const newSets = (): readonly [SegmentSet, SegmentSet] => [newSet(), newSet()];
