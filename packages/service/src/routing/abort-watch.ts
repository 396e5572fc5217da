/** Who is told of the abort of one signal. */
interface Watched {
  readonly tasks: Set<() => void>;
  readonly stop: () => void;
}

/** Listens once to a signal, however many wait with it: a signal compares each new listener with all it has. */
export class AbortWatch {
  readonly #signals = new Map<AbortSignal, Watched>();

  /** Runs `task` when the signal aborts, unless the returned function is called before. */
  add(signal: AbortSignal, task: () => void): () => void {
    const { tasks, stop } = this.#signals.get(signal) ?? this.#watch(signal);
    tasks.add(task);
    return () => {
      if (!tasks.delete(task) || tasks.size > 0) return;
      stop();
      this.#signals.delete(signal);
    };
  }

  #watch(signal: AbortSignal): Watched {
    const tasks = new Set<() => void>();
    const run = () => {
      for (const task of tasks) task();
    };
    signal.addEventListener('abort', run);
    const watched = { tasks, stop: () => signal.removeEventListener('abort', run) };
    this.#signals.set(signal, watched);
    return watched;
  }
}
