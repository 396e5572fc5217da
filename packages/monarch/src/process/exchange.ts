import { Bounded } from '../collections/bounded.ts';
import { Numbered } from '../collections/numbered.ts';
import { DecodeError } from '../errors.ts';
import type { PeerReport } from '../seeing/process-report.ts';
import type { Clock } from '../time/clock.ts';
import { decode, EMPTY, type Payload } from '../wire/codec.ts';
import type { Heading } from '../wire/heading.ts';
import type { Link, LinkEvents, Opening } from '../wire/link.ts';
import { settledFor } from '../wire/link.ts';
import { loopback } from '../wire/loopback.ts';
import type { Message } from '../wire/message.ts';
import type { Packet } from '../wire/packet.ts';
import type { Revive } from '../wire/raise.ts';
import type { Incoming, Line, RequestMessage } from './line.ts';
import { type Loss, Peer } from './peer.ts';
import type { Target } from './target.ts';

/** A call sent from here that waits for its answer. */
export interface Outgoing {
  /** What waits for whom. */
  toString(): string;
  target: Target;
  /** Something came back for it. */
  answer(kind: 'value' | 'error' | 'failure' | 'item' | 'end', payload: Payload): void;
  /** Its target is lost. */
  lose(loss: Loss): void;
}

/** A message that nobody answers. */
export interface Cast {
  readonly heading: Heading;
  /** The receiver's place in the slice that is messaged. */
  readonly rank: number;
  readonly payload: Payload;
  /** Name of the actor that it is for. */
  readonly actor: string;
  /** The span within which it is. */
  readonly carrier: string | undefined;
}

/** What an exchange needs of the process around it. */
export interface ExchangeOptions {
  readonly id: string;
  readonly clock: Clock;
  /** Opens a link to a process; failing to is an `onClose`. */
  readonly dial: (id: string, opening: Opening) => void;
  readonly onRequest: (line: Line, message: RequestMessage, payload: Payload) => void;
  /** An answer that nobody waits for any more; what it has is of no use. */
  readonly onUnwanted: (payload: Payload) => void;
  /** The link to a process ended; `lost` decides what its pending calls reject with. */
  readonly onLost: (peer: Peer, reason: string, cause?: Error) => void;
  /** A message that nobody answers could not be sent, either. */
  readonly onDropped: (target: Target, cast: Cast, loss: Loss) => void;
  readonly revive: Revive;
  /** Puts something between the link to a process and this exchange. */
  readonly wrap?: (id: string, opening: Opening) => Opening;
}

/** Processes that were lost which are remembered. */
const REMEMBERED = 256;

/** Connects this process with the others: who they are, how to reach them, which calls wait for an answer. */
export class Exchange {
  readonly id: string;
  readonly #options: ExchangeOptions;
  readonly #peers = new Map<string, Peer>();
  /** Lost, and remembered for those who still call them. One that is forgotten is found to be lost again. */
  readonly #lost = new Bounded<string, Peer>(REMEMBERED);
  readonly #outgoing = new Numbered<Outgoing>();
  readonly #dialling = new Set<Peer>();

  constructor(options: ExchangeOptions) {
    this.id = options.id;
    this.#options = options;
    const self = this.#known(options.id);
    const { events, opened } = this.#line(self);
    opened(loopback(events, options.clock));
  }

  /** The actor numbered `actor` of a process. Actor 0 is the process itself. */
  target(node: string, actor: number): Target {
    return this.#known(node).target(actor);
  }

  /** Uses a link that another process opened to this one. */
  accept(id: string): Opening {
    const { events, opened } = this.#line(this.#known(id));
    return this.#wrapped(id, { ...events, onOpen: opened });
  }

  /** Sends to a process, opening a link when there is none. */
  send(peer: Peer, packet: Packet): void {
    peer.send(packet);
    if (!peer.connected && peer.loss === undefined) this.#dial(peer, () => {});
  }

  /** Sends a message that nobody answers. While the process of its target is restarted, it waits for that. */
  cast(target: Target, cast: Cast): void {
    const { current } = target;
    const { loss } = current;
    const { heading, rank, payload, carrier } = cast;
    if (loss === undefined) {
      this.send(current.peer, { message: ['cast', current.actor, heading, rank, carrier], payload });
    } else if (loss.restarting === true) current.peer.onSettled(() => this.cast(current, cast));
    else this.#options.onDropped(current, cast, loss);
  }

  /** Opens a link to a process before there is anything to send; never resolves when there is no way. */
  async connect(id: string): Promise<void> {
    await new Promise<void>((resolve) => this.#dial(this.#known(id), resolve));
  }

  /** Calls sent from here that wait for their answer, in words. */
  get waiting(): readonly string[] {
    return this.#outgoing.values().map(String);
  }

  /** Gives a call its id, by which answers find it. */
  register(outgoing: Outgoing): number {
    outgoing.target.pending++;
    return this.#outgoing.add(outgoing);
  }

  /** A call that waited goes to another process than it was made for. */
  redirect(outgoing: Outgoing, target: Target): void {
    outgoing.target.pending--;
    outgoing.target = target;
    target.pending++;
  }

  /** Takes a call off the books. */
  forget(id: number, { target }: Outgoing): void {
    if (this.#outgoing.delete(id)) target.pending--;
  }

  /** Rejects every pending call to a process; later ones too, unless it is restarting. */
  lost(peer: Peer, loss: Loss): void {
    peer.lose(loss);
    this.#peers.delete(peer.id);
    this.#dialling.delete(peer);
    this.#lost.set(peer.id, peer);
    for (const outgoing of this.#outgoing.values()) {
      if (outgoing.target.peer === peer) outgoing.lose(peer.loss ?? loss);
    }
  }

  /** The value of a payload, with mesh references made usable here. */
  decode(payload: Payload): unknown {
    return decode(payload, this.#options.revive);
  }

  /** What went between this process and the others. */
  peerReports(): PeerReport[] {
    return [...this.#peers.values()].map(({ id, sent, received }) => ({
      id,
      sentMessages: sent.messages,
      sentBytes: sent.bytes,
      receivedMessages: received.messages,
      receivedBytes: received.bytes,
    }));
  }

  /** Ends every link. */
  close(): void {
    for (const peer of this.#peers.values()) if (peer.id !== this.id) peer.close();
  }

  #dial(peer: Peer, onOpen: () => void): void {
    if (this.#dialling.has(peer)) return;
    this.#dialling.add(peer);
    const { events, opened } = this.#line(peer);
    const onOpened = (link: Link) => {
      opened(link);
      onOpen();
    };
    this.#options.dial(peer.id, this.#wrapped(peer.id, { ...events, onOpen: onOpened }));
  }

  #wrapped(id: string, opening: Opening): Opening {
    return this.#options.wrap?.(id, opening) ?? opening;
  }

  #known(id: string): Peer {
    let peer = this.#peers.get(id) ?? this.#lost.get(id);
    if (peer === undefined) {
      peer = new Peer(id);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #line(peer: Peer): { events: LinkEvents; opened: (link: Link) => void } {
    let link: Link | undefined;
    let isOpen = true;
    const running = new Map<number, Incoming>();
    const line: Line = {
      peer,
      running,
      get lends() {
        return link?.lends ?? false;
      },
      get confirms() {
        return link?.confirms ?? false;
      },
      get isOpen() {
        return isOpen;
      },
      reply: (message, payload = EMPTY) => {
        peer.sent.add(payload);
        link?.send(settledFor(link, { message, payload }));
      },
    };
    const onClose = (reason: string, cause?: Error) => {
      isOpen = false;
      for (const incoming of running.values()) incoming.cancel('gone');
      running.clear();
      if (link === undefined || peer.owns(link)) this.#options.onLost(peer, reason, cause);
    };
    const opened = (open: Link) => {
      link = open;
      peer.attach(open);
    };
    return { events: { onPacket: ({ message, payload }) => this.#route(line, message, payload), onClose }, opened };
  }

  #route(line: Line, message: Message, payload: Payload): void {
    line.peer.received.add(payload);
    switch (message[0]) {
      case 'call':
      case 'stream':
      case 'cast':
        this.#options.onRequest(line, message, payload);
        break;
      case 'cancel':
        line.running.get(message[1])?.cancel(message[2]);
        break;
      case 'credit':
        line.running.get(message[1])?.grant(message[2]);
        break;
      case 'probe':
        break; // Who does not answer gets everything in frames.
      case 'probed':
      case 'release':
        throw new DecodeError(`'${message[0]}' came over a link that lends no memory.`);
      default: {
        const outgoing = this.#outgoing.get(message[1]);
        // An answer that nobody waits for belongs to a call that was cancelled.
        if (outgoing === undefined) this.#options.onUnwanted(payload);
        else outgoing.answer(message[0], payload);
      }
    }
  }
}
