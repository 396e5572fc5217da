import type { ProcessExit } from '../errors.ts';
import type { ProcGroup } from '../mesh/proc-group.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { ChildReport, ProcessReport, ProcessState } from './process-report.ts';

/** Part of its time that a process leaves to those that it started. */
const SHARE = 0.8;
/** Processes that are remembered after an end that nobody asked for. */
const MAX_DEAD = 100;

/** A process that this one started. */
interface Started {
  readonly id: string;
  readonly process: { readonly pid: number };
  readonly group: ProcGroup;
  readonly rank: number;
}

/** How the processes are that this one started. */
export class ChildReports {
  readonly #local: LocalProcess;
  /** What those that are ready told of themselves last. */
  readonly #told = new Map<string, ProcessReport | undefined>();
  /** Those that ended without being asked to, as long as their group is there. */
  readonly #dead = new Map<Started, ChildReport>();

  constructor(local: LocalProcess) {
    this.#local = local;
  }

  /** It can be asked from now on. */
  ready({ id }: Started): void {
    this.#told.set(id, undefined);
  }

  /** It has ended; `exit` when nobody asked it to. */
  ended(child: Started, exit?: ProcessExit): void {
    if (exit !== undefined) this.#dead.set(child, { ...this.#report(child, 'ended'), exit });
    this.#told.delete(child.id);
    const [oldest] = this.#dead.keys();
    if (oldest !== undefined && this.#dead.size > MAX_DEAD) this.#dead.delete(oldest);
  }

  /** Asks the living. One that does not answer in time is told as it was. */
  async look(living: Iterable<Started>, deadlineMs: number): Promise<ChildReport[]> {
    for (const child of this.#dead.keys()) if (child.group.isStopped) this.#dead.delete(child);
    const asked = await Promise.all([...living].map(async (child) => await this.#ask(child, deadlineMs)));
    return [...asked, ...this.#dead.values()];
  }

  async #ask(child: Started, deadlineMs: number): Promise<ChildReport> {
    const { id, group, rank } = child;
    if (!this.#told.has(id)) return this.#report(child, 'starting');
    const about = { mesh: group.name, point: group.extent.point(rank) };
    const payload = this.#local.encode([deadlineMs * SHARE]);
    try {
      // The agent answers with what `look` of its program returns.
      const report = (await this.#local.ask(id, about, 'look', payload, deadlineMs)) as ProcessReport;
      if (this.#told.has(id)) this.#told.set(id, report);
      return { ...this.#report(child, 'running'), report };
    } catch {
      return this.#report(child, 'silent');
    }
  }

  #report({ id, process, group, rank }: Started, state: ProcessState): ChildReport {
    const report = this.#told.get(id);
    const told = report === undefined ? {} : { report };
    return { id, name: `${group.label || group.name}/${rank}`, pid: process.pid, state, ...told };
  }
}
