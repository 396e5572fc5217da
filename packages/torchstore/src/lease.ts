import type { Absence, Leased, LeaseQuestion } from './batch.ts';
import type { OperationOptions } from './cancellation.ts';
import type { Client } from './client.ts';
import { Reader } from './reader.ts';

/** Which generation a lease holds; at most one of the two is given. */
export interface LeaseOptions extends OperationOptions {
  /** A generation that is still kept. @default the newest */
  readonly generation?: number;
  /** A version that is still kept. @default the newest */
  readonly version?: number;
}

/**
 * What a key or prefix held at one moment. It stays readable, exactly as it was, until the lease is released or its
 * process ends, however often the keys are put anew or deleted.
 */
export class Lease extends Reader implements AsyncDisposable {
  readonly name: string;
  /** The newest generation that it holds. */
  readonly generation: number;
  readonly version: number | undefined;
  readonly keys: readonly string[];
  readonly #client: Client;
  readonly #id: number;

  constructor(client: Client, name: string, { lease, generation, version, keys }: Leased) {
    super(client, { lease, name });
    this.#client = client;
    this.#id = lease;
    this.name = name;
    this.generation = generation;
    this.version = version;
    this.keys = keys;
  }

  /** Whether it is held, as far as this process knows: a lease ends when its holder is cut off for too long. */
  get isHeld(): boolean {
    return this.#client.leases.has(this.#id);
  }

  /** Lets the generations go; reads through the lease that have begun still finish. */
  async release(): Promise<void> {
    if (!this.isHeld) return;
    this.#client.leases.delete(this.#id);
    await this.#client.ask((controller) => controller.releaseLease(this.#id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** Takes a lease. It lives on when the connection is made anew in time. */
export async function takeLease(
  client: Client,
  question: Omit<LeaseQuestion, 'session'>,
  signal: AbortSignal | undefined,
): Promise<Lease> {
  return client.attempt(async (session) => {
    await client.anchor(session, signal);
    const whole = { ...question, session: session.id };
    const answer = await client.ask<Leased | Absence>((controller) => controller.lease(whole), {
      signal,
      undo: (late) => {
        if (late.status === 'leased') client.inBackground((controller) => controller.releaseLease(late.lease), session);
      },
    });
    const leased = client.checked(session, answer);
    client.leases.add(leased.lease, question.name);
    return new Lease(client, question.name, leased);
  }, signal);
}
