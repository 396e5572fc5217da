import { endpoint } from '@forge/monarch';
import { ForgeActor } from '@forge/service';

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Answers at once, or after a while during which others may be answered. */
export class Echo extends ForgeActor {
  static readonly module: string = import.meta.url;
  #delayFactor = 1;
  readonly #released = Promise.withResolvers<void>();

  readonly echo = endpoint((value: number) => value);
  readonly after = endpoint(after);
  /** Answers after `ms`, or as many times later as this actor is slow. */
  readonly work = endpoint(async (ms: number) => await after(ms * this.#delayFactor), { concurrency: 100 });
  readonly beSlow = endpoint((factor: number) => {
    this.#delayFactor = factor;
  });
  /** Answers when it is released. */
  readonly hold = endpoint(async () => await this.#released.promise, { concurrency: 10 });
  readonly release = endpoint(() => this.#released.resolve());
  readonly again = endpoint((value: number) => value, { idempotent: true });
  readonly pid = endpoint(() => process.pid);
}
