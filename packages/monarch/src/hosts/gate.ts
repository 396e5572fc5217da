import { Bounded } from '../collections/bounded.ts';
import { isProven, readPrologue, tagOf } from './prologue.ts';

/** Programs that are remembered when they have ended: who asks for a process of one is told so. */
const MAX_PROGRAMS = 1_024;
/** Prologues that are remembered, so that who has listened cannot use them again. */
const MAX_USED = 16_384;

/** Knows which prologues are good. */
export class Gate {
  readonly #programs = new Bounded<string, string>(MAX_PROGRAMS);
  readonly #used = new Bounded<string, true>(MAX_USED);

  /** From now on prologues of this program are. */
  add(program: string): void {
    this.#programs.set(tagOf(program), program);
  }

  /** The program and the process that a prologue names; `undefined` when it does not prove that it may, or did before. */
  check(line: string): { readonly program: string; readonly to: string } | undefined {
    const prologue = readPrologue(line);
    const program = prologue === undefined ? undefined : this.#programs.get(prologue.tag);
    if (prologue === undefined || program === undefined || !isProven(prologue, program)) return undefined;
    if (this.#used.get(prologue.nonce) !== undefined) return undefined;
    this.#used.set(prologue.nonce, true);
    return { program, to: prologue.to };
  }
}
