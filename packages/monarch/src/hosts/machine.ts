import type { LocalProcess } from '../process/local-process.ts';
import type { Loss } from '../process/peer.ts';
import { machineOf } from '../process/process-id.ts';
import type { Launched } from '../program/platform.ts';

/** What a process on a machine is started with. */
export interface MachineLaunch {
  readonly id: string;
  /** Shown in its command line. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** A machine as it travels in messages. */
export interface MachineReference {
  /** Of the machine in the program, and of its agent process. */
  readonly id: string;
  /** Where it listens; empty for that of the program itself. */
  readonly address: string;
  /** Folders from which it loads actor modules. */
  readonly allow: readonly string[];
}

/** A machine on which processes are started. */
export interface Machine {
  readonly reference: MachineReference;
  /** Ids for processes that will be started there. Rejects when everything there is lost. */
  reserve(count: number): Promise<readonly string[]>;
  launch(options: MachineLaunch): Launched;
  /** Why everything there is lost. */
  readonly loss: Loss | undefined;
  /** @throws {ModuleRefusedError} when it would not load the module of an actor class. */
  checkModule(module: string): void;
  /** @throws {OptionError} when it would not start a process with this environment. */
  checkEnv(env: Readonly<Record<string, string>>): void;
}

/** The machine of this process, which is free to do there what it wants. */
export function localMachine(local: LocalProcess, directory: () => string): Machine {
  return {
    reference: { id: machineOf(local.id), address: '', allow: [] },
    reserve: async (count) => Array.from({ length: count }, () => `${local.id}.${local.count()}`),
    launch: (options) => local.platform.launch({ ...options, parent: local.id, directory: directory() }),
    loss: undefined,
    checkModule: () => {},
    checkEnv: () => {},
  };
}
