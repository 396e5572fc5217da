import { OwnershipError } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { AgentMethodName } from '../process/agent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { machineOf } from '../process/process-id.ts';
import type { AttachedMachine } from './attached-machine.ts';
import type { HostDirectory } from './host-network.ts';
import { Launches } from './launches.ts';
import type { Route } from './route.ts';

/** The machines of a program as one of its processes knows them: the root has attached them, the others ask their parents. */
export class Machines implements HostDirectory {
  /** What was started here for processes of other machines. */
  readonly launches: Launches;
  /** Takes the lines of processes that were started elsewhere for this one, by their id. */
  readonly remoteLines = new Map<string, (stream: 'stdout' | 'stderr', line: string) => void>();
  readonly #local: LocalProcess;
  readonly #parent: string | undefined;
  readonly #attached = new Map<string, AttachedMachine>();
  readonly #routes = new Map<string, Promise<Route>>();
  #count = 0;

  constructor(local: LocalProcess, parent: string | undefined) {
    this.#local = local;
    this.#parent = parent;
    this.launches = new Launches(local);
  }

  /** Those that are attached. */
  get attached(): Iterable<AttachedMachine> {
    return this.#attached.values();
  }

  /** How many are attached. */
  get size(): number {
    return this.#attached.size;
  }

  /** An id for a machine, never given before in this program. @throws {OwnershipError} in a process that is not the root. */
  newId(): string {
    if (this.#parent !== undefined) {
      throw new OwnershipError('Hosts are attached by the program itself. Its processes may be given meshes on them.');
    }
    return `h${++this.#count}`;
  }

  add(attachment: AttachedMachine): void {
    this.#attached.set(attachment.id, attachment);
  }

  remove(attachment: AttachedMachine): void {
    this.#attached.delete(attachment.id);
  }

  /** Gives all of them back without waiting, as this process ends. */
  detachNow(): void {
    for (const attachment of this.#attached.values()) attachment.detachNow();
  }

  async route(machine: string): Promise<Route> {
    if (this.#parent === undefined) {
      const attachment = this.#attached.get(machine);
      if (attachment === undefined) throw new OwnershipError(`the machine ${machine} is not attached.`);
      if (attachment.lost !== undefined) throw new OwnershipError(attachment.lost);
      return attachment.route;
    }
    let route = this.#routes.get(machine);
    if (route === undefined) {
      // The root answers, with what is returned above.
      route = this.#ask(this.#parent, 'route', [machine]) as Promise<Route>;
      this.#routes.set(machine, route);
      route.catch(() => this.#routes.delete(machine));
    }
    return await route;
  }

  async connectBack(to: string, ticket: string, from: string = this.#local.id): Promise<boolean> {
    if (machineOf(to) !== machineOf(this.#local.id)) {
      if (this.#parent === undefined) throw new OwnershipError(`${to} is not a process of this machine.`);
      return Boolean(await this.#ask(this.#parent, 'connectBack', [to, ticket, from]));
    }
    try {
      await this.#ask(to, 'dialBack', [from, ticket]);
      return true;
    } catch {
      // Nothing else can go wrong with it: the process has ended.
      return false;
    }
  }

  watch(machine: string): AttachedMachine | undefined {
    return this.#attached.get(machine);
  }

  async #ask(node: string, method: AgentMethodName, args: readonly unknown[]): Promise<unknown> {
    const about = { mesh: `process ${node}`, point: extentOf<never>({}).point(0) };
    return await this.#local.ask(node, about, method, this.#local.encode(args));
  }
}
