import type { Context } from '../actor/context.ts';
import type { Point } from '../mesh/extent.ts';
import type { Cell } from './cell.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { LocalProcess } from './local-process.ts';

/** What an actor knows of itself, whatever message it handles. */
export class ActorContext implements Context {
  readonly #process: LocalProcess;
  readonly #cell: Cell;

  constructor(process: LocalProcess, cell: Cell) {
    this.#process = process;
    this.#cell = cell;
  }

  get point(): Point<string> {
    return this.#cell.point;
  }

  get generation(): number {
    return this.#cell.generation;
  }

  get signal(): AbortSignal {
    return this.#cell.signal;
  }

  get procs(): Context['procs'] {
    return this.#process.place.procs;
  }

  get host(): Context['host'] {
    return this.#process.place.host;
  }

  abort(reason: string): never {
    return this.#cell.abort(reason);
  }

  stop(reason = 'by itself.'): void {
    void this.#cell.stop(reason);
  }
}

/** What an actor knows while it handles one message. */
export class MessageContext implements Context {
  readonly #call: IncomingCall;
  readonly #actor: Context;

  constructor(call: IncomingCall, actor: Context) {
    this.#call = call;
    this.#actor = actor;
  }

  get point(): Point<string> {
    return this.#call.point;
  }

  get generation(): number {
    return this.#actor.generation;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get procs(): Context['procs'] {
    return this.#actor.procs;
  }

  get host(): Context['host'] {
    return this.#actor.host;
  }

  abort(reason: string): never {
    return this.#actor.abort(reason);
  }

  stop(reason?: string): void {
    this.#actor.stop(reason);
  }
}
