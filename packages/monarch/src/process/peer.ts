import type { MeshFailure, MeshFailureFields } from '../errors.ts';
import { Traffic } from '../seeing/traffic.ts';
import type { Link } from '../wire/link.ts';
import type { Packet } from '../wire/packet.ts';

/** Why a process or an actor is lost, whatever mesh it is told of. */
export type Loss = Pick<MeshFailureFields, 'kind' | 'problem' | 'process' | 'cause'>;

/** Another process of the program, as seen from this one. Its id is never used again after its death. */
export class Peer {
  readonly id: string;
  /** Why nothing reaches it any more. */
  loss: Loss | undefined;
  readonly sent = new Traffic();
  readonly received = new Traffic();
  #link: Link | undefined;
  #backlog: Packet[] = [];

  constructor(id: string) {
    this.id = id;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** Sends in order; before the link is up, packets wait for it. */
  send(packet: Packet): void {
    this.sent.add(packet.payload);
    if (this.#link === undefined) this.#backlog.push(packet);
    else this.#link.send(packet);
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

  close(): void {
    this.#link?.close();
  }
}

/** One actor's address, as seen from this process. One object an address, so its state is seen by all who call it. */
export interface Target {
  readonly peer: Peer;
  readonly actor: number;
  /** Calls sent from here and not settled. */
  pending: number;
  /** Why calls to it reject. */
  failure: MeshFailure | undefined;
}
