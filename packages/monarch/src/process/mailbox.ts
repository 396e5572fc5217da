import type { Clock } from '../clock.ts';

/** Time that messages may run back to back before timers and sockets get a turn. */
const TURN_MS = 10;

interface Lane {
  readonly concurrency: number;
  readonly waiting: (() => Promise<void>)[];
  running: number;
}

/**
 * The messages of one actor. Endpoints of concurrency 1 share one lane, strictly one after the other; any other
 * endpoint has its own. Within a lane tasks start in order of arrival; lanes never wait for each other.
 */
export class Mailbox {
  readonly #clock: Clock;
  // Made with the first message: most actors of many are idle.
  #lanes: Map<string, Lane> | undefined;
  #open = false;
  #idle: (() => void)[] | undefined;
  #turnStarted = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a task, which must never reject. Before {@link open} tasks wait. */
  post(endpoint: string, concurrency: number, task: () => Promise<void>): void {
    const name = concurrency === 1 ? '' : endpoint;
    this.#lanes ??= new Map();
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { concurrency, waiting: [], running: 0 };
      this.#lanes.set(name, lane);
    }
    lane.waiting.push(task);
    if (this.#open) this.#advance(lane);
  }

  /** Starts what has come in so far. */
  open(): void {
    this.#open = true;
    for (const lane of this.#lanes?.values() ?? []) this.#advance(lane);
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    const idle = Promise.withResolvers<void>();
    this.#idle ??= [];
    this.#idle.push(idle.resolve);
    await idle.promise;
  }

  #advance(lane: Lane): void {
    while (lane.running < lane.concurrency) {
      const task = lane.waiting.shift();
      if (task === undefined) return;
      lane.running++;
      void task().then(() => this.#finished(lane));
    }
  }

  #finished(lane: Lane): void {
    lane.running--;
    if (lane.waiting.length === 0) {
      if (this.#idle !== undefined && this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    const now = this.#clock.now();
    if (now - this.#turnStarted < TURN_MS) {
      this.#advance(lane);
      return;
    }
    this.#clock.soon(() => {
      this.#turnStarted = this.#clock.now();
      this.#advance(lane);
    });
  }

  #isIdle(): boolean {
    return [...(this.#lanes?.values() ?? [])].every(({ waiting, running }) => waiting.length === 0 && running === 0);
  }
}
