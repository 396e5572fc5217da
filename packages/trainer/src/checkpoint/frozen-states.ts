import { FrozenState, type StateParts } from './frozen-state.ts';

/** The states of a training that are being read. */
export class FrozenStates {
  readonly #states = new Set<FrozenState>();
  #waiting: (() => void)[] = [];

  /** A state that is to be read from now on. */
  add(parts: StateParts): FrozenState {
    const state = new FrozenState(parts, () => {
      if (state.isRead) this.#states.delete(state);
      for (const proceed of this.#waiting.splice(0)) proceed();
    });
    this.#states.add(state);
    return state;
  }

  /** Copies for them what is about to change. */
  beforeChange(arrays: ReadonlySet<ArrayBufferLike>): void {
    for (const state of this.#states) state.beforeChange(arrays);
  }

  /** Resolves when a change of these arrays takes copies of at most so many bytes. */
  async readyForChange(arrays: ReadonlySet<ArrayBufferLike>, maxBytes: number): Promise<void> {
    const bytesToCopy = (): number => [...this.#states].reduce((sum, state) => sum + state.bytesToCopy(arrays), 0);
    while (bytesToCopy() > maxBytes) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
