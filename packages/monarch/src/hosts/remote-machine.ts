import type { ProcessExit } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { AgentMethodName } from '../process/agent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Loss } from '../process/peer.ts';
import type { Launched } from '../program/platform.ts';
import { within } from '../time/deadline.ts';
import { checkModuleText } from './allow-list.ts';
import type { AttachedMachine } from './attached-machine.ts';
import { checkLaunchEnv } from './launch-env.ts';
import type { Machine, MachineLaunch, MachineReference } from './machine.ts';

/** Time for a daemon to tell that its agent has ended, when the link to the agent ends before. */
const TOLD_MS = 2_000;

/** An attached machine: its agent process starts others on behalf of this one. */
export class RemoteMachine implements Machine {
  readonly reference: MachineReference;
  readonly #local: LocalProcess;
  readonly #attachment: AttachedMachine | undefined;

  /** Who has not attached it itself knows of its loss by its agent. */
  constructor(local: LocalProcess, reference: MachineReference, attachment?: AttachedMachine) {
    this.reference = reference;
    this.#local = local;
    this.#attachment = attachment;
  }

  get loss(): Loss | undefined {
    const lost = this.#attachment?.lost;
    if (lost !== undefined) return { kind: 'unreachable', problem: `cannot be reached: ${lost}` };
    return this.#local.exchange.target(this.reference.id, 0).loss;
  }

  async reserve(count: number): Promise<readonly string[]> {
    // The agent answers with what Launches.reserve gives.
    return (await this.#ask('reserveIds', [count])) as readonly string[];
  }

  launch({ id, name, env, onLine }: MachineLaunch): Launched {
    const { remoteLines } = this.#local.program.machines;
    remoteLines.set(id, onLine);
    let pid = 0;
    this.#ask('launch', [id, name, env]).catch(() => {});
    const ready = new Promise<void>((resolve) => {
      const started = (answer: unknown) => {
        pid = Number(answer);
        resolve();
      };
      this.#ask('launched', [id]).then(started, () => {});
    });
    const exited = this.#ask('exited', [id]).then(
      // The agent answers with what Launches.exited gives.
      (answer) => answer as ProcessExit,
      async (error) => {
        await this.#toldOfLoss();
        return { pid, exitCode: null, signal: null, stderrTail: [String(error)] };
      },
    );
    void exited.then(() => remoteLines.delete(id));
    return {
      get pid() {
        return pid;
      },
      ready,
      exited,
      release: () => void this.#ask('release', [id]).catch(() => {}),
      kill: () => void this.#ask('kill', [id]).catch(() => {}),
    };
  }

  checkModule(module: string): void {
    // The program's own machine loads what it wants.
    if (this.reference.address !== '') checkModuleText(module, this.reference.allow, this.reference.address);
  }

  checkEnv(env: Readonly<Record<string, string>>): void {
    checkLaunchEnv(env);
  }

  /** The link to the agent has ended: waits for the reason. */
  async #toldOfLoss(): Promise<void> {
    if (this.#attachment === undefined) return;
    const { promise, resolve } = Promise.withResolvers<string>();
    const stop = this.#attachment.onLost(resolve);
    await within(this.#local.clock, TOLD_MS, promise);
    stop();
  }

  async #ask(method: AgentMethodName, args: readonly unknown[]): Promise<unknown> {
    const about = { mesh: this.reference.address || 'the machine of the program', point: extentOf<never>({}).point(0) };
    return await this.#local.ask(this.reference.id, about, method, this.#local.encode(args));
  }
}

/** A machine that this process has attached. */
export function attachedMachine(local: LocalProcess, attachment: AttachedMachine): RemoteMachine {
  const { id, route, machine } = attachment;
  return new RemoteMachine(local, { id, address: route.address, allow: machine.allow }, attachment);
}
