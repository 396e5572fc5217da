import type { MeshFailure } from '../errors.ts';
import type { MailboxLimits } from '../process/mailbox.ts';
import { type Context, currentContext } from './context.ts';

/** State and endpoints that live in one process and are called from any. */
export abstract class Actor {
  /** Who and where this actor is, for the message it handles. @throws {OwnershipError} outside of an actor. */
  protected get context(): Context {
    return currentContext('The context of an actor');
  }

  /** Heavy start-up work; spawn waits for it, and no message is handled before. */
  setup?(): Promise<void>;

  /**
   * A failure of something this actor owns. `true`: handled; otherwise it climbs to this actor's owner, and this actor
   * fails with it. Runs at once, beside an endpoint that is waiting. Exactly once for each mesh and rank.
   */
  supervise?(failure: MeshFailure): boolean | Promise<boolean>;

  /** Runs once, after the last message, owned things first. */
  cleanup?(): Promise<void>;
}

/** A class that can be spawned: other processes find it by its module and its name. */
export interface ActorClass<T extends Actor, Args extends readonly unknown[]> {
  new (...args: Args): T;
  /** `import.meta.url` of the module that exports the class under its own name. */
  readonly module: string;
  /** How much may wait for each of its actors. @default 100,000 messages and 1 GiB of arguments */
  readonly mailbox?: MailboxLimits;
}
