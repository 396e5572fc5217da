import { randomUUID } from 'node:crypto';
import { VolumeUnavailableError } from './errors.ts';
import { Connection } from './transport/connection.ts';
import { seesDirectory, tmpfsTransport } from './transport/tmpfs.ts';
import type { Transport, TransportKind, VolumeAddress } from './transport/transport.ts';
import { webSocketTransport } from './transport/websocket.ts';

/** How a client chooses transports, and how long it waits. */
export interface SessionOptions {
  readonly transport: TransportKind | 'auto';
  readonly timeoutMs: number;
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
  readonly #addresses: readonly VolumeAddress[];
  readonly #options: SessionOptions;
  readonly #links = new Map<string, Promise<Link>>();
  #visible: Promise<readonly VolumeAddress[]> | undefined;
  #isEnded = false;
  #lastSegment = 0;

  constructor(addresses: readonly VolumeAddress[], options: SessionOptions) {
    this.#addresses = addresses;
    this.#options = options;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** A name that no other segment has. */
  nextSegment(): string {
    this.#lastSegment += 1;
    return `${this.id}/${this.#lastSegment}`;
  }

  /** The volumes whose memory this process shares. */
  #visibleVolumes(): Promise<readonly VolumeAddress[]> {
    this.#visible ??= (async () => {
      if (this.#options.transport === 'websocket') return [];
      const seen = await Promise.all(this.#addresses.map(seesDirectory));
      return this.#addresses.filter((_, index) => seen[index]);
    })();
    return this.#visible;
  }

  /** The volume that a rank writes to: one on this host if there is one, ranks spread over them. */
  async home(rank: number): Promise<Link> {
    const visible = await this.#visibleVolumes();
    const candidates = visible.length > 0 ? visible : this.#addresses;
    return this.link(candidates[rank % candidates.length]!.id);
  }

  /** How this process reaches a volume, as probed; nothing is connected. */
  async transportTo(volume: string): Promise<TransportKind> {
    const visible = await this.#visibleVolumes();
    return visible.some(({ id }) => id === volume) ? 'tmpfs' : 'websocket';
  }

  /** Connects to a volume once. */
  link(volume: string): Promise<Link> {
    const present = this.#links.get(volume);
    if (present !== undefined) return present;
    const opening = this.#open(volume);
    this.#links.set(volume, opening);
    opening.catch(() => this[Symbol.dispose]()); // the caller gets the error; the session cannot go on
    return opening;
  }

  async #open(volume: string): Promise<Link> {
    const address = this.#addresses.find(({ id }) => id === volume);
    if (address === undefined || this.#isEnded) throw new VolumeUnavailableError(volume, 'the session has ended');
    const { timeoutMs, transport: wanted } = this.#options;
    const isShared = (await this.transportTo(volume)) === 'tmpfs';
    if (wanted === 'tmpfs' && !isShared)
      throw new VolumeUnavailableError(volume, `${address.directory} is not visible here`);
    const connection = await Connection.open(address, { session: this.id, timeoutMs });
    if (this.#isEnded) connection[Symbol.dispose]();
    void connection.closed.then(() => this[Symbol.dispose]());
    const transport = isShared ? tmpfsTransport(address) : webSocketTransport(connection);
    return { volume, transport, [Symbol.dispose]: () => connection[Symbol.dispose]() };
  }

  [Symbol.dispose](): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const opening of this.#links.values()) {
      opening.then(
        (link) => link[Symbol.dispose](),
        () => {}, // it never opened
      );
    }
  }
}
