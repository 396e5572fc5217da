import type { MeshFailureFields } from '../errors.ts';
import { Traffic } from '../seeing/traffic.ts';
import type { Link } from '../wire/link.ts';
import { settledFor } from '../wire/link.ts';
import type { Packet } from '../wire/packet.ts';
import { Target } from './target.ts';

/** Why a process or an actor is lost, whatever mesh it is told of. */
export type Loss = Pick<MeshFailureFields, 'kind' | 'problem' | 'process' | 'restarting' | 'cause'>;

// One for ever: when V8 collects a registry that still has something to say, it never runs a finalizer again.
const unused = new FinalizationRegistry<() => void>((forget) => forget());

/** Another process of the program, as seen from this one. Its id is never used again after its death. */
export class Peer {
  readonly id: string;
  /** Why nothing reaches it any more. While it is `restarting`, what is sent to its actors waits for its successor. */
  loss: Loss | undefined;
  readonly sent = new Traffic();
  readonly received = new Traffic();
  /** The process that took its place, with the same actors under the same numbers. */
  successor: Peer | undefined;
  #waiting: (() => void)[] = [];
  // Held weakly: a process that lives long is sent references to very many actors that do not.
  readonly #targets = new Map<number, WeakRef<Target>>();
  #link: Link | undefined;
  #backlog: Packet[] = [];

  constructor(id: string) {
    this.id = id;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  get lends(): boolean {
    return this.#link?.lends ?? false;
  }

  /** It is told when what was sent there has arrived. */
  get confirms(): boolean {
    return this.#link?.confirms ?? false;
  }

  /** Sends in order; before the link is up, packets wait for it. What is sent to one that is lost is dropped. */
  send(packet: Packet): void {
    if (this.loss !== undefined) return;
    this.sent.add(packet.payload);
    if (this.#link === undefined) this.#backlog.push(settledFor(this.#link, packet));
    else this.#link.send(settledFor(this.#link, packet));
  }

  /** The first link is used for everything sent from here, so order holds even when both sides dialled. */
  attach(link: Link): void {
    if (this.#link !== undefined) return;
    this.#link = link;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const packet of backlog) link.send(packet);
  }

  owns(link: Link): boolean {
    return this.#link === link;
  }

  /** The actor numbered `actor`; 0 is the process itself. */
  target(actor: number): Target {
    let target = this.#targets.get(actor)?.deref();
    if (target === undefined) {
      target = new Target(this, actor);
      this.#targets.set(actor, new WeakRef(target));
      unused.register(target, () => {
        if (this.#targets.get(actor)?.deref() === undefined) this.#targets.delete(actor);
      });
    }
    return target;
  }

  /** Nothing reaches it from now on: what its link holds is let go. */
  lose(loss: Loss): void {
    this.loss ??= loss;
    this.#link?.close();
    this.#link = undefined;
    this.#backlog = [];
  }

  /** Runs `task` when it is known what becomes of its place. */
  onSettled(task: () => void): void {
    this.#waiting.push(task);
  }

  /** Its place is settled: taken by `successor`, or lost for good. Those who waited go on, in the order they came. */
  settle(next: Peer | Loss): void {
    if (next instanceof Peer) this.successor = next;
    else this.loss = next;
    for (const task of this.#waiting.splice(0)) task();
  }

  close(): void {
    this.#link?.close();
  }
}
