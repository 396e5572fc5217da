import { Bounded } from '../collections/bounded.ts';
import { MeshFailure } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { ActorReport } from '../seeing/process-report.ts';
import type { Cell } from './cell.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { LocalProcess } from './local-process.ts';

/** Actors that stopped whose reason is remembered, for those who still call them. */
const REMEMBERED = 256;

/** The actors of a process by their numbers: those that live, those to be made anew, and why others are no more. */
export class Cells {
  readonly #process: LocalProcess;
  readonly #cells = new Map<number, Cell>();
  /** Numbers of actors that are to be made anew, with what waits for them. */
  readonly #vacant = new Map<number, IncomingCall[]>();
  readonly #graves = new Bounded<number, MeshFailure>(REMEMBERED);

  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** How many live here. */
  get size(): number {
    return this.#cells.size;
  }

  /** @throws {MeshFailure} when there is none of this number. */
  get(actor: number): Cell {
    const cell = this.#cells.get(actor);
    if (cell === undefined) throw unknown(actor);
    return cell;
  }

  /** Opens an actor to messages; those that waited for it come first. */
  add(cell: Cell): void {
    this.#cells.set(cell.actor, cell);
    const waiting = this.#vacant.get(cell.actor) ?? [];
    this.#vacant.delete(cell.actor);
    for (const call of waiting) cell.receive(call);
  }

  /** Hands a message to its actor. */
  receive(call: IncomingCall): void {
    const { actor } = call;
    const waiting = this.#vacant.get(actor);
    if (waiting !== undefined) return void waiting.push(call);
    const cell = this.#cells.get(actor);
    if (cell !== undefined) cell.receive(call);
    else call.reply('failure', this.#process.encodeError(this.#graves.get(actor) ?? unknown(actor)));
  }

  /** Keeps what comes for an actor from now on for the one that takes its place. Resolves when it has ended itself. */
  async vacate(actor: number): Promise<void> {
    if (!this.#vacant.has(actor)) this.#vacant.set(actor, []);
    await this.#cells.get(actor)?.ending;
  }

  /** Nobody takes the place of an actor that failed: what waits for it rejects. */
  bury(actor: number, failure: MeshFailure): void {
    this.#cells.get(actor)?.bury(failure);
    this.#graves.set(actor, failure);
    for (const call of this.#vacant.get(actor) ?? []) call.reply('failure', this.#process.encodeError(failure));
    this.#vacant.delete(actor);
  }

  /** Stops an actor and forgets it, but for why it answers no more. */
  async stop(actor: number, reason: string): Promise<void> {
    const cell = this.#cells.get(actor);
    if (cell !== undefined) await this.#forget(actor, cell.stop(reason));
  }

  /** Stops all, last spawned first. */
  async stopAll(reason: string): Promise<void> {
    for (const actor of [...this.#cells.keys()].reverse()) await this.stop(actor, reason);
  }

  /** The process of the owner of some is lost, for which there is a `problem`: they end. */
  orphan(owner: string, problem: string): void {
    for (const [actor, cell] of this.#cells) {
      if (cell.owner === owner) void this.#forget(actor, cell.orphan(`the process of its owner ${problem}`));
    }
  }

  /** How they are. */
  report(): ActorReport[] {
    return [...this.#cells].map(([actor, cell]) => cell.report(actor));
  }

  async #forget(actor: number, ending: Promise<MeshFailure>): Promise<void> {
    const end = await ending;
    this.#cells.delete(actor);
    this.bury(actor, end);
  }
}

function unknown(actor: number): MeshFailure {
  const point = extentOf({}).point(0);
  return new MeshFailure({ mesh: `actor ${actor}`, points: [point], kind: 'aborted', problem: 'does not exist.' });
}
