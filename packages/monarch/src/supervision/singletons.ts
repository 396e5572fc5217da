import type { MeshFailure } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import { inlineProc, ProcGroup } from '../mesh/proc-group.ts';
import { spawnActors } from '../mesh/spawned-mesh.ts';
import { findClass } from '../process/actor-classes.ts';
import type { ClassName } from '../process/stand-ins.ts';
import type { Program } from '../program/program.ts';
import { type Owned, type Owner, stopOwned } from './owner.ts';

/** The actors of which the program has one by name. They live in its root process. */
export class Singletons implements Owner, Owned {
  readonly name = 'the program';
  readonly owned = new Set<Owned>();
  readonly #program: Program;
  readonly #running = new Map<string, Promise<object>>();

  constructor(program: Program) {
    this.#program = program;
  }

  get ended(): string | undefined {
    return this.#program.ended;
  }

  /** The actor of a name, spawned when there is none. */
  async get(name: string, what: ClassName, args: readonly unknown[]): Promise<object> {
    let running = this.#running.get(name);
    if (running === undefined) {
      running = this.#spawn(name, what, args);
      this.#running.set(name, running);
      running.catch(() => this.#running.delete(name));
    }
    return await running;
  }

  /** One that failed is forgotten: the next who asks for it gets another. The program goes on. */
  async supervise(failure: MeshFailure): Promise<void> {
    this.#program.platform.write('stderr', `forge: the singleton ${failure.report()}\n`);
    this.#running.delete(failure.mesh);
    for (const mesh of [...this.owned]) if ('name' in mesh && mesh.name === failure.mesh) await mesh.stop('it failed.');
  }

  async stop(reason: string): Promise<void> {
    await stopOwned(this, reason);
  }

  async #spawn(name: string, what: ClassName, args: readonly unknown[]): Promise<object> {
    const { process } = this.#program;
    this.#program.owned.add(this);
    const type = await findClass(process, what);
    const extent = extentOf<never>({});
    const group = new ProcGroup({ name: 'the program', extent, owner: this, log: this.#program.openLog() });
    group.procs.push(inlineProc(process.id));
    return await spawnActors(process, this, { name, type, args, place: { group, ranks: [0], extent } });
  }
}
