import type { Accept, Connection, ConnectionEvents, Dialling } from '../wire/connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** Bytes that the system takes at once, as it does for a socket. */
const SOCKET_BYTES = 64 * 1024;

/** Only whole pages take time: the stack of an error has other lengths elsewhere, and must not change what happens. */
const PAGE_BYTES = 16 * 1024;

/** One end of a simulated connection. */
interface End {
  readonly process: SimulatedProcess;
  events: ConnectionEvents | undefined;
  isOpen: boolean;
  /** Nothing is sent after its own close. */
  isClosing: boolean;
  /** The other end's frames in order have come until then. */
  inOrderMs: number;
  /** Nothing arrives before. */
  openMs: number;
  sent: number;
  /** Until then what this end sent occupies the machine. */
  busyMs: number;
  drains: boolean;
}

function endOf(process: SimulatedProcess): End {
  const [isOpen, isClosing, drains] = [false, false, false];
  return { process, events: undefined, isOpen, isClosing, drains, inOrderMs: 0, openMs: 0, sent: 0, busyMs: 0 };
}

/** A connection between two simulated processes. */
export class SimulatedConnection {
  readonly #world: World;
  readonly #ends: readonly [End, End];
  readonly #isLocal: boolean;
  /** What was sent while there was no way, in order. */
  #stalled: (() => void)[] = [];
  #isCut = false;

  constructor(world: World, dialler: SimulatedProcess, acceptor: SimulatedProcess) {
    this.#world = world;
    this.#isLocal = dialler.machine === acceptor.machine;
    this.#ends = [endOf(dialler), endOf(acceptor)];
    for (const { process } of this.#ends) process.connections.add(this);
    world.connections.add(this);
  }

  /** Its processes, the one that opened it first. */
  get processes(): readonly [SimulatedProcess, SimulatedProcess] {
    return [this.#ends[0].process, this.#ends[1].process];
  }

  get isLocal(): boolean {
    return this.#isLocal;
  }

  /** The acceptor takes it, at once unless it is paused; the dialler knows a moment later. */
  open(accept: Accept, opened: Dialling): void {
    const [dialler, acceptor] = this.#ends;
    acceptor.isOpen = true;
    this.#world.later(acceptor.process, 0, `accept ${this.#name(dialler, acceptor)}`, () => {
      acceptor.events = accept(this.#handle(acceptor, dialler));
    });
    const delayMs = this.#delay();
    dialler.openMs = this.#world.queue.nowMs + delayMs;
    dialler.inOrderMs = dialler.openMs;
    dialler.isOpen = true;
    dialler.events = opened;
    this.#world.later(dialler.process, delayMs, `open ${this.#name(acceptor, dialler)}`, () => {
      if (dialler.isOpen) opened.onOpen(this.#handle(dialler, acceptor));
    });
  }

  /** Breaks it: what is on its way is lost, and both ends get to know. */
  cut(reason: string): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#world.counters.cuts++;
    this.#world.note(`cut ${this.#name(...this.#ends)}`);
    this.#stalled = [];
    for (const one of this.#ends) this.#end(one, this.#delay(), reason);
  }

  /** A process has ended: what it sent before still arrives. */
  processEnded(process: SimulatedProcess): void {
    const [mine, other] = this.#ends[0].process === process ? this.#ends : [this.#ends[1], this.#ends[0]];
    mine.isOpen = false;
    this.#finish(mine, other);
  }

  /** There is a way again: what was held back is on it, in order. */
  heal(): void {
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const deliver of stalled) deliver();
  }

  #handle(mine: End, other: End): Connection {
    const { queue, network } = this.#world;
    const bufferedBytes = () => {
      const backlog = (mine.busyMs - queue.nowMs) * network.bytesPerMs - SOCKET_BYTES;
      return mine.isOpen ? Math.max(0, Math.ceil(backlog)) : 0;
    };
    return {
      send: (parts) => this.#send(mine, other, Buffer.concat(parts)),
      get bufferedBytes() {
        return bufferedBytes();
      },
      close: () => this.#close(mine, other),
    };
  }

  #send(mine: End, other: End, bytes: Uint8Array): void {
    const { queue, network, random, counters } = this.#world;
    if (!mine.isOpen || mine.isClosing || !mine.process.isAlive || this.#isCut) return;
    counters.frames++;
    mine.busyMs =
      Math.max(mine.busyMs, queue.nowMs) + Math.floor(bytes.length / PAGE_BYTES) * (PAGE_BYTES / network.bytesPerMs);
    this.#drainLater(mine);
    const number = ++mine.sent;
    const deliver = () => this.#deliver(mine, other, bytes, number);
    if (this.#world.hasWay(mine.process.machine, other.process.machine)) deliver();
    else this.#stalled.push(deliver);
    if (!this.#isLocal && random.chance(network.cut)) this.cut('it was cut.');
  }

  #deliver(mine: End, other: End, bytes: Uint8Array, number: number): void {
    const { queue, network, random, counters } = this.#world;
    const { nowMs } = queue;
    // The first frame says who calls: what carries frames out of order begins with it, too.
    const mayOvertake = !this.#isLocal && random.chance(network.reorder);
    const arriveMs = Math.max(other.openMs, nowMs + this.#delay() + Math.max(0, mine.busyMs - nowMs));
    const atMs = mayOvertake ? arriveMs : Math.max(arriveMs, other.inOrderMs);
    // Nothing overtakes the first frame.
    if (number === 1) other.openMs = atMs;
    if (atMs < other.inOrderMs) counters.overtakings++;
    other.inOrderMs = Math.max(other.inOrderMs, atMs);
    this.#arrive(mine, other, atMs - nowMs, bytes, number);
    if (this.#isLocal || number === 1 || !random.chance(network.duplicate)) return;
    counters.duplicates++;
    this.#arrive(mine, other, atMs - nowMs + this.#delay(), bytes, number);
  }

  #arrive(mine: End, other: End, delayMs: number, bytes: Uint8Array, number: number): void {
    this.#world.later(other.process, delayMs, `frame ${this.#name(mine, other)} #${number}`, () => {
      // A copy each: a received frame is the receiver's to change.
      if (other.isOpen) other.events?.onFrame(new Uint8Array(bytes));
    });
  }

  #drainLater(mine: End): void {
    const { queue, network } = this.#world;
    const freeMs = mine.busyMs - SOCKET_BYTES / network.bytesPerMs;
    if (mine.drains || freeMs <= queue.nowMs) return;
    mine.drains = true;
    this.#world.later(mine.process, freeMs - queue.nowMs, `drain ${mine.process.id}`, () => {
      mine.drains = false;
      this.#drainLater(mine);
      if (!mine.drains && mine.isOpen) mine.events?.onDrain();
    });
  }

  #close(mine: End, other: End): void {
    if (!mine.isOpen || mine.isClosing) return;
    mine.isClosing = true;
    this.#end(mine, 0, 'it was closed.');
    this.#finish(mine, other);
  }

  /** `mine` sends no more: the other end gets to know after the last frame, or by silence. */
  #finish(mine: End, other: End): void {
    const { queue, network } = this.#world;
    if (!other.isOpen || !other.process.isAlive) {
      this.#forgetIfOver();
      return;
    }
    const isReachable = this.#world.hasWay(mine.process.machine, other.process.machine);
    const delayMs = isReachable ? this.#delay() : network.silenceMs;
    this.#end(other, Math.max(delayMs, other.inOrderMs - queue.nowMs), 'the other end closed it.');
  }

  #end(one: End, delayMs: number, reason: string): void {
    const waitMs = Math.max(delayMs, one.openMs - this.#world.queue.nowMs);
    this.#world.later(one.process, waitMs, `end ${one.process.id}`, () => {
      if (!one.isOpen) return;
      one.isOpen = false;
      one.events?.onEnd(reason);
      this.#forgetIfOver();
    });
  }

  #forgetIfOver(): void {
    if (this.#ends.some(({ isOpen, process }) => isOpen && process.isAlive)) return;
    this.#world.connections.delete(this);
    for (const { process } of this.#ends) process.connections.delete(this);
  }

  #delay(): number {
    const [one, other] = this.#ends;
    return this.#world.delay(one.process.machine, other.process.machine);
  }

  #name(from: End, to: End): string {
    return `${from.process.id}→${to.process.id}`;
  }
}
