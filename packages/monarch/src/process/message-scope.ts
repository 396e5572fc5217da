import type { Context, Scope } from '../actor/context.ts';
import type { Point } from '../mesh/extent.ts';
import type { Program } from '../program/program.ts';
import type { Owner } from '../supervision/owner.ts';
import type { IncomingCall } from './incoming-call.ts';

/** On whose behalf one message is handled, and what its actor knows meanwhile. */
export class MessageScope implements Scope, Context {
  readonly program: Program;
  readonly owner: Owner & { readonly context: Context };
  readonly message: IncomingCall;

  constructor(program: Program, owner: Owner & { readonly context: Context }, message: IncomingCall) {
    this.program = program;
    this.owner = owner;
    this.message = message;
  }

  get context(): Context {
    return this;
  }

  get point(): Point<string> {
    return this.message.point;
  }

  get generation(): number {
    return this.owner.context.generation;
  }

  get signal(): AbortSignal {
    return this.message.signal;
  }

  get procs(): Context['procs'] {
    return this.owner.context.procs;
  }

  get host(): Context['host'] {
    return this.owner.context.host;
  }

  abort(reason: string): never {
    return this.owner.context.abort(reason);
  }

  stop(reason?: string): void {
    this.owner.context.stop(reason);
  }
}
