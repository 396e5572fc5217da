import type { Clock } from '../time/clock.ts';
import { within } from '../time/deadline.ts';
import type { AttachedMachine } from './attached-machine.ts';
import { type DaemonLink, openDaemonLink } from './daemon-link.ts';
import { type AttachAccepted, DETACH, PROTOCOL, ROUTES, readAttachAnswer } from './protocol.ts';
import type { Route } from './route.ts';

/** Time for a daemon to end what a program has there. */
const DETACH_MS = 3_000;

/** What makes an attachment. */
export interface AttachmentOptions {
  readonly clock: Clock;
  /** Of the machine in the program. */
  readonly id: string;
  /** Of the program, for the log of the daemon. */
  readonly name: string;
  readonly route: Route;
  /** For the machine to be ready. */
  readonly connectTimeoutMs: number;
}

/** A machine that the program has attached, for as long as it can be reached. */
export class Attachment implements AttachedMachine {
  readonly id: string;
  readonly route: Route;
  /** What the machine has said of itself. */
  readonly machine: AttachAccepted;
  /** Why it cannot be used any more. */
  lost: string | undefined;
  readonly #clock: Clock;
  readonly #link: DaemonLink;
  readonly #listeners = new Set<(reason: string) => void>();

  private constructor({ clock, id, route }: AttachmentOptions, link: DaemonLink, machine: AttachAccepted) {
    this.id = id;
    this.route = route;
    this.machine = machine;
    this.#clock = clock;
    this.#link = link;
  }

  /** Attaches a machine. Rejects with the reason when it cannot be; nothing is left there then. */
  static async open(options: AttachmentOptions): Promise<Attachment> {
    const { clock, id, name, route, connectTimeoutMs } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Attachment>();
    let attachment: Attachment | undefined;
    const fail = (reason: string) => {
      if (attachment === undefined) reject(new Error(reason));
      else attachment.#lose(reason);
    };
    const link = openDaemonLink({
      clock,
      route,
      path: ROUTES.attach(route.program),
      failsAtOnce: true,
      greeting: () => {
        const { partitionTimeoutMs } = route;
        const [protocol, node, again] = [PROTOCOL, process.version, attachment !== undefined];
        return JSON.stringify({ protocol, node, machine: id, name, partitionTimeoutMs, again });
      },
      onText: (text) => {
        const answer = readAttachAnswer(text);
        if (answer?.kind === 'accepted') {
          attachment ??= new Attachment(options, link, answer);
          resolve(attachment);
          return;
        }
        link.close();
        fail(answer === undefined ? 'its answer is none of this protocol.' : answer.reason);
      },
      onLost: fail,
    });
    const cancel = clock.after(connectTimeoutMs, () => {
      link.close();
      fail(`it was not ready within ${connectTimeoutMs} ms.`);
    });
    return await promise.finally(cancel);
  }

  /** Tells once when it is lost, until the returned function is called. */
  onLost(listener: (reason: string) => void): () => void {
    if (this.lost !== undefined) listener(this.lost);
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends everything that the program has there. */
  async detach(): Promise<void> {
    if (this.lost !== undefined) return;
    this.lost = 'it was detached.';
    this.#link.send(DETACH);
    await within(this.#clock, DETACH_MS, this.#link.closed);
    this.#link.close();
  }

  /** The same without waiting, as this process ends. */
  detachNow(): void {
    if (this.lost === undefined) this.#link.send(DETACH);
  }

  #lose(reason: string): void {
    if (this.lost !== undefined) return;
    this.lost = reason;
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }
}
