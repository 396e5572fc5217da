import { Bounded } from '../collections/bounded.ts';
import { OptionError, type ProcessExit } from '../errors.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Launched } from '../program/platform.ts';
import { ownAllowList } from './allow-list.ts';
import { checkLaunchEnv } from './launch-env.ts';

/** Processes that ended which are remembered, for others that ask what became of them. */
const REMEMBERED = 256;

interface Launch {
  readonly launched: Launched;
  /** The process on whose behalf it was started. */
  readonly owner: string;
}

/** Processes that this one has started on its machine for others of the program. They end when those are lost. */
export class Launches {
  readonly #local: LocalProcess;
  readonly #launches = new Map<string, Launch>();
  /** On whose behalf each was started, also of those that ended lately. */
  readonly #owners = new Bounded<string, string>(REMEMBERED);

  constructor(local: LocalProcess) {
    this.#local = local;
  }

  reserve(count: number): readonly string[] {
    return Array.from({ length: count }, () => `${this.#local.id}.${this.#local.count()}`);
  }

  /** @throws {OptionError} */
  launch(owner: string, id: string, name: string, env: Readonly<Record<string, string>>): void {
    if (ownAllowList() !== undefined) checkLaunchEnv(env);
    const { platform, program, id: parent } = this.#local;
    const onLine = (stream: 'stdout' | 'stderr', line: string) => this.#local.tell(owner, 'line', [id, stream, line]);
    const launched = platform.launch({ id, parent, directory: program.directory, name, env, onLine });
    this.#launches.set(id, { launched, owner });
    this.#owners.set(id, owner);
  }

  /** The process that knows what became of one that was started here; `undefined` when there was none. */
  ownerOf(id: string): string | undefined {
    return this.#owners.get(id);
  }

  /** Its pid, once it is ready. */
  async launched(id: string): Promise<number> {
    const { launched } = this.#of(id);
    await launched.ready;
    return launched.pid;
  }

  async exited(id: string): Promise<ProcessExit> {
    const exit = await this.#of(id).launched.exited;
    this.#launches.delete(id);
    return exit;
  }

  release(id: string): void {
    this.#launches.get(id)?.launched.release();
  }

  kill(id: string): void {
    this.#launches.get(id)?.launched.kill();
  }

  /** Nobody is left who could use or stop what was started for `owner`. */
  ownerLost(owner: string): void {
    for (const launch of this.#launches.values()) if (launch.owner === owner) launch.launched.kill();
  }

  #of(id: string): Launch {
    const launch = this.#launches.get(id);
    if (launch === undefined) throw new OptionError('id', `no process ${id} was started here.`);
    return launch;
  }
}
