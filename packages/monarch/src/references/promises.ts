import { Bounded } from '../collections/bounded.ts';
import { ActorError, DecodeError, OwnershipError } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { isProcessId } from '../process/process-id.ts';
import { makeReferable } from '../wire/referable.ts';

/** Promises that were sent and are remembered, for those who may ask late. */
const REMEMBERED = 10_000;

const ABOUT = { mesh: 'promise', point: extentOf({}).point(0) };

/** Promises of meshes that this process has sent while they were still spawning. */
export class Promises {
  readonly #process: LocalProcess;
  readonly #numbers = new WeakMap<Promise<object>, number>();
  readonly #sent = new Bounded<number, Promise<object>>(REMEMBERED);

  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** Makes the promise of something that travels as a reference travel as well: it arrives as a promise of that. */
  sendable<T extends object>(promise: Promise<T>): Promise<T> {
    return makeReferable(promise, () => ({ kind: 'promise', data: [this.#process.id, this.#numberOf(promise)] }));
  }

  /** What a promise that was sent from here came to. @throws what it rejects with */
  async result(number: number): Promise<object> {
    const promise = this.#sent.get(number);
    if (promise === undefined)
      throw new OwnershipError(`The promise ${number} is not remembered: it was sent long ago.`);
    return await promise;
  }

  /** The promise that came in a message. Dropping it never causes an unhandled rejection. @throws {DecodeError} */
  arrived(data: unknown): Promise<unknown> {
    const [node, number] = Array.isArray(data) ? data : [];
    if (!isProcessId(String(node)) || !Number.isSafeInteger(number)) throw new DecodeError('a promise is damaged.');
    const asked = this.#process.ask(String(node), ABOUT, 'promised', this.#process.encode([number]));
    const result = asked.catch((error) => {
      throw error instanceof ActorError ? error.cause : error;
    });
    result.catch(() => {});
    return makeReferable(result, () => ({ kind: 'promise', data: [node, number] }));
  }

  #numberOf(promise: Promise<object>): number {
    let number = this.#numbers.get(promise);
    if (number === undefined) {
      number = this.#process.count();
      this.#numbers.set(promise, number);
    }
    this.#sent.set(number, promise);
    return number;
  }
}
