import { reasonText } from '../errors.ts';
import { machineOf } from '../process/process-id.ts';
import type { Clock } from '../time/clock.ts';
import type { Accept, Connection, ConnectionEvents, Dialling, Network } from '../wire/connection.ts';
import { FRAME, unpackHello } from '../wire/handshake.ts';
import { HANDSHAKE_MS } from '../wire/sessions.ts';
import type { DaemonLink } from './daemon-link.ts';
import { dialHost } from './dial-host.ts';
import { ROUTES } from './protocol.ts';
import type { Route } from './route.ts';

/** How long a session outlives its connection when nothing tells that it is lost: longer than any partition that heals. */
const RESUME_MS = 60_000;
/** Pause before it is asked again whether a process lives that has no connection any more. */
const CHECK_MS = 200;
/** Time for a process to connect back. */
const BACK_MS = 5_000;
/** First byte of the first frame of a connection that was asked for by the other side. No other frame begins with it. */
const BACK = 0x42;

/** What a process knows of the other machines of its program, or asks others. */
export interface HostDirectory {
  /** Rejects when the machine is none of the program, any more. */
  route(machine: string): Promise<Route>;
  /** Asks a process whose machine does not listen for a connection; `false`: it has ended. */
  connectBack(to: string, ticket: string): Promise<boolean>;
  /** Something else already watches the machine. */
  watch(machine: string): { onLost(listener: (reason: string) => void): () => void } | undefined;
}

/** What makes a network over machines. */
export interface HostNetworkOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly nonce: () => string;
  readonly accept: Accept;
  readonly directory: HostDirectory;
  /** Of this machine. */
  readonly local: (accept: Accept) => Promise<Network>;
}

interface Watched {
  readonly listeners: Map<(reason: string) => void, string>;
  readonly stop: () => void;
}

/** Ways to the processes of a program on this machine and on others. */
export class HostNetwork implements Network {
  readonly #options: HostNetworkOptions;
  readonly #machine: string;
  readonly #watched = new Map<string, Watched>();
  /** How many connections processes of other machines have to this one. */
  readonly #connected = new Map<string, number>();
  /** Machines that were lost, with the reason. */
  readonly #lost = new Map<string, string>();
  /** Connections that were asked for, by their ticket. */
  readonly #tickets = new Map<string, (connection: Connection) => ConnectionEvents>();
  #local: Network | undefined;

  private constructor(options: HostNetworkOptions) {
    this.#options = options;
    this.#machine = machineOf(options.id);
  }

  static async open(options: HostNetworkOptions): Promise<HostNetwork> {
    const network = new HostNetwork(options);
    network.#local = await options.local((connection) => network.#accept(connection));
    return network;
  }

  dial(id: string, dialling: Dialling): void {
    const machine = machineOf(id);
    const lost = this.#lost.get(machine);
    if (machine === this.#machine) this.#local?.dial(id, dialling);
    else if (lost !== undefined) dialling.onRefused({ gone: true, reason: lost });
    else if (machine === '0') void this.#dialByAsking(id, dialling);
    else void this.#dialHost(id, dialling);
  }

  resumeMs(id: string): number {
    return machineOf(id) === this.#machine ? 0 : RESUME_MS;
  }

  /** Tells when a process is known to be lost, by a connection that watches its machine for as long as somebody listens. */
  watch(id: string, onLost: (reason: string) => void): () => void {
    const machine = machineOf(id);
    if (machine === this.#machine) return () => {};
    const watched = this.#watched.get(machine) ?? this.#watch(machine);
    watched.listeners.set(onLost, id);
    return () => {
      watched.listeners.delete(onLost);
      if (watched.listeners.size > 0 || this.#watched.get(machine) !== watched) return;
      this.#watched.delete(machine);
      watched.stop();
    };
  }

  /** Opens the connection that another process has asked for, as if that one had opened it. */
  dialBack(id: string, ticket: string): void {
    let events: ConnectionEvents | undefined;
    this.dial(id, {
      onOpen: (connection) => {
        connection.send([Buffer.from([BACK, ...Buffer.from(ticket)])]);
        events = this.#options.accept(connection);
      },
      onFrame: (frame) => events?.onFrame(frame),
      onDrain: () => events?.onDrain(),
      onEnd: (reason) => events?.onEnd(reason),
      // Whoever asked tries again.
      onRefused: () => {},
    });
  }

  close(): void {
    for (const { stop } of this.#watched.values()) stop();
    this.#watched.clear();
    this.#local?.close();
  }

  async #dialHost(id: string, dialling: Dialling): Promise<void> {
    try {
      dialHost(await this.#options.directory.route(machineOf(id)), id, dialling);
    } catch (error) {
      dialling.onRefused({ gone: true, reason: reasonText(error) });
    }
  }

  async #dialByAsking(id: string, dialling: Dialling): Promise<void> {
    const { clock, directory, nonce } = this.#options;
    const ticket = nonce();
    let stopWaiting = () => {};
    const came = new Promise<boolean>((resolve) => {
      this.#tickets.set(ticket, (connection) => {
        stopWaiting();
        resolve(true);
        dialling.onOpen(connection);
        return dialling;
      });
    });
    const refuse = (gone: boolean, reason: string) => {
      if (this.#tickets.delete(ticket)) dialling.onRefused({ gone, reason });
    };
    stopWaiting = clock.after(BACK_MS, () => refuse(false, `process ${id} did not connect within ${BACK_MS} ms.`));
    try {
      if (!(await Promise.race([came, directory.connectBack(id, ticket)]))) refuse(true, `process ${id} has ended.`);
    } catch (error) {
      refuse(false, reasonText(error));
    }
    if (!this.#tickets.has(ticket)) stopWaiting();
  }

  /** Takes a connection, which may be one that was asked for from here. */
  #accept(connection: Connection): ConnectionEvents {
    let events: ConnectionEvents | undefined;
    let from = this.#options.id;
    const stopWaiting = this.#options.clock.after(HANDSHAKE_MS, () => connection.close());
    const first = (frame: Uint8Array) => {
      stopWaiting();
      if (frame[0] === BACK) {
        const ticket = Buffer.from(frame.subarray(1)).toString();
        const take = this.#tickets.get(ticket);
        this.#tickets.delete(ticket);
        if (take === undefined) return connection.close();
        events = take(connection);
        return;
      }
      if (frame[0] === FRAME.hello) from = callerOf(frame) ?? from;
      if (machineOf(from) !== this.#machine) this.#connected.set(from, (this.#connected.get(from) ?? 0) + 1);
      events = this.#options.accept(connection);
      events.onFrame(frame);
    };
    return {
      onFrame: (frame) => (events === undefined ? first(frame) : events.onFrame(frame)),
      onDrain: () => events?.onDrain(),
      onEnd: (reason) => {
        stopWaiting();
        events?.onEnd(reason);
        if (machineOf(from) === this.#machine) return;
        this.#connected.set(from, (this.#connected.get(from) ?? 1) - 1);
        this.#checkLife(from);
      },
    };
  }

  /**
   * The connections from a process of another machine have ended. It opens another, unless it has ended, too: that is
   * asked until either is known, since a process that is about to end may still seem to listen.
   */
  #checkLife(id: string): void {
    const isWaited = () => [...(this.#watched.get(machineOf(id))?.listeners.values() ?? [])].includes(id);
    if (this.#connected.get(id) !== 0) return;
    if (!isWaited()) return void this.#connected.delete(id);
    const again = () => void this.#options.clock.after(CHECK_MS, () => this.#checkLife(id));
    this.dial(id, {
      onOpen: (connection) => {
        connection.close();
        again();
      },
      onRefused: ({ gone, reason }) => (gone ? this.#tell(machineOf(id), reason, id) : again()),
      ...{ onFrame: () => {}, onDrain: () => {}, onEnd: () => {} },
    });
  }

  #watch(machine: string): Watched {
    const lose = (reason: string) => {
      this.#lost.set(machine, reason);
      this.#tell(machine, reason);
    };
    let stop = () => {};
    const watched: Watched = { listeners: new Map(), stop: () => stop() };
    this.#watched.set(machine, watched);
    // The program's own machine is watched by the daemon here, which ends everything without it.
    if (machine === '0') return watched;
    const already = this.#options.directory.watch(machine);
    if (already !== undefined) stop = already.onLost(lose);
    else
      void this.#openWatch(machine, lose).then((link) => {
        stop = () => link?.close();
        if (this.#watched.get(machine) !== watched) stop();
      });
    return watched;
  }

  async #openWatch(machine: string, onLost: (reason: string) => void): Promise<DaemonLink | undefined> {
    const { clock, directory } = this.#options;
    try {
      // Loaded by those who need it: most programs have one machine.
      const [route, { openDaemonLink }] = await Promise.all([directory.route(machine), import('./daemon-link.ts')]);
      return openDaemonLink({ clock, route, path: ROUTES.watch(route.program), onLost });
    } catch (error) {
      onLost(reasonText(error));
      return undefined;
    }
  }

  /** Tells those who listen for a process, or for any of the machine. */
  #tell(machine: string, reason: string, id?: string): void {
    const { listeners } = this.#watched.get(machine) ?? { listeners: new Map<(reason: string) => void, string>() };
    for (const [listener, of] of [...listeners]) if (id === undefined || id === of) listener(reason);
  }
}

function callerOf(hello: Uint8Array): string | undefined {
  try {
    return unpackHello(hello).from;
  } catch {
    // Whoever takes the connection refuses it.
    return undefined;
  }
}
