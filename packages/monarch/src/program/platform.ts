import type { ProcessExit } from '../errors.ts';
import type { HostDirectory } from '../hosts/host-network.ts';
import type { ProcessMemory } from '../memory/process-memory.ts';
import type { ProcessUsage } from '../seeing/process-report.ts';
import type { Clock } from '../time/clock.ts';
import type { Accept, Network } from '../wire/connection.ts';
import type { SessionFaults } from '../wire/session.ts';

/** How a process finds the others of its program, and they it. */
export interface NetworkOptions {
  /** Of this process. */
  readonly id: string;
  /** Of the program's sockets. */
  readonly directory: string;
  /** A process opens a connection to this one. */
  readonly accept: Accept;
  /** What this process knows of other machines. */
  readonly hosts: HostDirectory;
}

/** How to start a process. */
export interface LaunchOptions {
  /** Its place in the program. */
  readonly id: string;
  readonly parent: string;
  /** Of the program's sockets. */
  readonly directory: string;
  /** Shown in its command line, for whoever looks at a list of processes. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** A process that was started, wherever it runs. */
export interface Launched {
  readonly pid: number;
  /** It listens, and its link to this process is open. Never settles when it ends before. */
  readonly ready: Promise<void>;
  /** How it ended. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Lets it go: it ends by itself, at once. */
  release(): void;
  /** Ends it by force. */
  kill(): void;
}

/**
 * What a process of a program has of the world. Everything that depends on the machine, on real time or on chance goes
 * through it, so that the same code runs under simulated ones.
 */
export interface Platform {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  date(): number;
  /** A place for the sockets of a new program. */
  makeDirectory(): string;
  removeDirectory(directory: string): void;
  /** Listens for other processes of the program. */
  openNetwork(options: NetworkOptions): Promise<Network>;
  /** Starts a process of the program on this machine. */
  launch(options: LaunchOptions): Launched;
  /** What a module exports. Rejects when it cannot be imported. */
  importModule(module: string): Promise<object>;
  /** URL of the module that this process was started with, if any. */
  readonly main: string | undefined;
  /** Prints text as it is. */
  write(stream: 'stdout' | 'stderr', text: string): void;
  /** Whether somebody reads what is printed on a terminal. */
  isTerminal(stream: 'stdout' | 'stderr'): boolean;
  /** What this process uses of its machine. */
  usage(): ProcessUsage;
  /** Ends this process at once. */
  exit(code: number): void;
  /** Runs `task` when this process ends by itself. */
  onExit(task: () => void): void;
  /** However this process ends from now on, it has failed. */
  markFailed(): void;
  /** Text that no other call, here or in any other process, gives again. */
  nonce(): string;
  /** A number from 0 to below 1. */
  random(): number;
  /** Memory that processes of this machine can lend each other. @default none: everything is sent in frames */
  openMemory?(): ProcessMemory | undefined;
  /** Breaks sessions on purpose. @default none */
  readonly sessionFaults?: SessionFaults;
}
