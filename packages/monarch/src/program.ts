import { scopeIfAny } from './context.ts';
import { type MeshFailure, OwnershipError } from './errors.ts';
import { type Owned, type Owner, stopOwned } from './owner.ts';
import type { ProcGroup } from './proc-group.ts';
import { LocalProcess } from './process/local-process.ts';

/** The whole of what was started from here, when this process is its root; the way to it, when it is not. */
export class Program implements Owner {
  readonly name = 'the program';
  readonly owned = new Set<Owned>();
  readonly process: LocalProcess;
  ended: string | undefined;

  constructor() {
    this.process = new LocalProcess({ id: '0', dial: () => {}, onLost: () => {} });
  }

  /** Starts the processes of a group. */
  async fill(group: ProcGroup, kind: 'inline' | 'process', _env: Readonly<Record<string, string>>): Promise<void> {
    if (kind === 'process') throw new OwnershipError('kind process follows');
    for (let rank = 0; rank < group.extent.size; rank++) {
      group.procs.push({ node: this.process.id, stop: async () => {} });
    }
  }

  async supervise(failure: MeshFailure): Promise<void> {
    if (this.ended !== undefined) return;
    process.stderr.write(`${failure.stack}\n`);
    await this.stop(failure.message);
    process.exit(1);
  }

  async stop(reason: string): Promise<void> {
    await stopOwned(this, reason);
  }
}

let current: Program | undefined;

/** The program that this process belongs to. */
export function program(): Program {
  current ??= new Program();
  return current;
}

/** On whose behalf the running code starts things. @throws {OwnershipError} while a child imports a module. */
export function currentOwner(_what: string): Owner {
  return scopeIfAny()?.owner ?? program();
}
