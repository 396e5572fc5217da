import type { Credentials } from './credentials.ts';

/** How to reach the processes of a program on a machine. Plain data: a process asks its parent for it. */
export interface Route {
  /** host:port of the daemon there. */
  readonly address: string;
  readonly credentials: Credentials;
  /** Names the program to the daemon; nobody else knows it. */
  readonly program: string;
  /** Silence after which the machine is lost. */
  readonly partitionTimeoutMs: number;
}
