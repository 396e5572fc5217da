import { randomUUID } from 'node:crypto';
import { VolumeUnavailableError } from './failures.ts';
import { homesOf, type SelectVolume, type Strategy } from './strategy.ts';
import { Connection } from './transport/connection.ts';
import { probe, tmpfsTransport } from './transport/tmpfs.ts';
import {
  socketPathOf,
  socketUrl,
  type Transport,
  type TransportKind,
  type VolumeAddress,
} from './transport/transport.ts';
import { webSocketTransport } from './transport/websocket.ts';

/** How a client chooses volumes and transports, and how long it waits. */
export interface SessionOptions {
  readonly transport: TransportKind | 'auto';
  readonly strategy: Strategy;
  /** Volumes that get each piece. */
  readonly replicas: number;
  readonly timeoutMs: number;
  /** How long a connection that was cut may take to come back. */
  readonly reconnectMs: number;
  readonly checksums: ChecksumMode;
}

/** Which bytes have checksums; 'auto': those that leave this machine. */
export type ChecksumMode = 'auto' | 'always' | 'never';

/** What a session is opened with. */
export interface SessionPlace {
  readonly addresses: readonly VolumeAddress[];
  readonly options: SessionOptions;
  /** Used instead of the strategy. */
  readonly selectVolume: SelectVolume | undefined;
  /** Volumes that are known to be dead. */
  readonly lost: ReadonlySet<string>;
  /** Volumes that did not answer: others are preferred. */
  readonly suspected: ReadonlySet<string>;
  /** Tells the store that a volume watches this session; false when either has ended. */
  readonly register: (session: string, volume: string) => Promise<boolean>;
}

/** How a client talks to one volume. */
export interface Link extends Disposable {
  readonly volume: string;
  readonly transport: Transport;
}

/**
 * What a client has begun, as the store sees it: it ends, for all volumes, when one of its connections does. What is not
 * committed by then is gone, and what it was reading may go.
 */
export class Session implements Disposable {
  readonly id: string = randomUUID();
  /** Resolves when the session ends. */
  readonly ended: Promise<void>;
  readonly #place: SessionPlace;
  readonly #links = new Map<string, Promise<Link>>();
  readonly #resolveEnded: () => void;
  #kinds: Promise<ReadonlyMap<string, TransportKind>> | undefined;
  #isEnded = false;
  #culprit: string | undefined;
  #openLinks = 0;
  #lastSegment = 0;

  constructor(place: SessionPlace) {
    this.#place = place;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The volume whose connection ended the session; undefined when it was given up. */
  get culprit(): string | undefined {
    return this.#culprit;
  }

  /** Bytes are checked where they lie, too: memory that this process shares. */
  get checksMemory(): boolean {
    return this.#place.options.checksums === 'always';
  }

  /** A name that no other segment has. */
  nextSegment(): string {
    this.#lastSegment += 1;
    return `${this.id}/${this.#lastSegment}`;
  }

  /** How this process reaches each volume. */
  #probed(): Promise<ReadonlyMap<string, TransportKind>> {
    this.#kinds ??= (async () => {
      const { addresses, options } = this.#place;
      const { transport } = options;
      if (transport === 'websocket' || transport === 'unix')
        return new Map(addresses.map(({ id }) => [id, transport] as const));
      return new Map(await Promise.all(addresses.map(async (each) => [each.id, await probe(each)] as const)));
    })();
    return this.#kinds;
  }

  /** Where the volumes whose memory this process shares keep their segments. */
  async directories(): Promise<ReadonlyMap<string, string>> {
    const kinds = await this.#probed();
    return new Map(
      this.#place.addresses.flatMap(({ id, directory }) =>
        kinds.get(id) === 'tmpfs' ? [[id, directory] as const] : [],
      ),
    );
  }

  /** The volumes that a rank writes to, one for each replica. */
  async homes(rank: number): Promise<readonly Link[]> {
    const { addresses, lost, suspected, options, selectVolume } = this.#place;
    const kinds = await this.#probed();
    const alive = addresses.filter(({ id }) => !lost.has(id));
    const answering = alive.filter(({ id }) => !suspected.has(id));
    const usable = [answering, alive, addresses].find((each) => each.length > 0) ?? addresses;
    const volumes = usable.map(({ id }) => ({ id, isNear: kinds.get(id) === 'tmpfs' }));
    const ids = homesOf(selectVolume ?? options.strategy, { rank, replicas: options.replicas, volumes });
    return Promise.all(ids.map((id) => this.link(id)));
  }

  /** Connects to one volume at least: it tells the store when this client is gone. */
  async anchor(): Promise<void> {
    if (this.#links.size === 0) await this.homes(0);
    else await Promise.all(this.#links.values());
  }

  /** Every connection that was begun is there, and one at least. */
  get isAnchored(): boolean {
    return this.#openLinks > 0 && this.#openLinks === this.#links.size && !this.#isEnded;
  }

  /** How this process reaches a volume, as probed; nothing is connected. */
  async transportTo(volume: string): Promise<TransportKind> {
    return (await this.#probed()).get(volume) ?? 'websocket';
  }

  /** Connects to a volume once. */
  link(volume: string): Promise<Link> {
    const present = this.#links.get(volume);
    if (present !== undefined) return present;
    const opening = this.#open(volume);
    this.#links.set(volume, opening);
    opening.then(
      () => {
        this.#openLinks += 1;
      },
      () => this.#endBy(volume), // the caller gets the error; the session cannot go on
    );
    return opening;
  }

  async #open(volume: string): Promise<Link> {
    const { addresses, options, register } = this.#place;
    const address = addresses.find(({ id }) => id === volume);
    if (address === undefined || this.#isEnded) throw new VolumeUnavailableError(volume, 'the session has ended');
    const { timeoutMs, reconnectMs, transport: wanted, checksums: mode } = options;
    const kind = await this.transportTo(volume);
    if (wanted === 'tmpfs' && kind !== 'tmpfs')
      throw new VolumeUnavailableError(volume, `${address.directory} is not visible here`);
    const socketPath = socketPathOf(address.directory);
    if (kind === 'unix' && socketPath === undefined)
      throw new VolumeUnavailableError(volume, `the path of a socket in ${address.directory} is too long`);
    const url = kind === 'unix' && socketPath !== undefined ? socketUrl(socketPath) : address.url;
    const leaves = kind === 'websocket' && !isLoopback(url);
    const isChecked = mode === 'always' || (mode === 'auto' && leaves);
    const connection = await Connection.open(
      { ...address, url },
      { session: this.id, timeoutMs, reconnectMs, checksums: isChecked },
    );
    void connection.closed.then(() => this.#endBy(volume));
    const isRegistered = await register(this.id, volume).catch((error: unknown) => {
      connection[Symbol.dispose]();
      throw error;
    });
    if (this.#isEnded || !isRegistered) {
      connection[Symbol.dispose]();
      throw new VolumeUnavailableError(volume, 'it was lost, or the session has ended');
    }
    const transport = kind === 'tmpfs' ? tmpfsTransport(address, { isChecked }) : webSocketTransport(connection, kind);
    return { volume, transport, [Symbol.dispose]: () => connection[Symbol.dispose]() };
  }

  #endBy(volume: string): void {
    if (!this.#isEnded) this.#culprit = volume;
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#resolveEnded();
    for (const opening of this.#links.values()) {
      opening.then(
        (link) => link[Symbol.dispose](),
        () => {}, // it never opened
      );
    }
  }
}

/** Whether frames to a url stay on this machine, in its memory. */
function isLoopback(url: string): boolean {
  return /^wss?:\/\/(127\.|localhost:|\[::1\])/.test(url);
}
