import type { Context } from '../actor/context.ts';
import type { Point } from '../mesh/extent.ts';
import type { Cell } from './cell.ts';
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
