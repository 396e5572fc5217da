import type { Point } from '../mesh/extent.ts';
import type { LocalProcess } from './local-process.ts';

/** Who asks a process for something, and about whom. */
export interface Asked {
  /** The process that asks. */
  readonly from: string;
  /** The actor that it is about. */
  readonly point: Point<string>;
}

/** One thing a process does for others. */
export type AgentMethod = (process: LocalProcess, asked: Asked, args: readonly unknown[]) => unknown;

/** Things that a process does for others, by the names under which it is asked for them. */
export type AgentMethods = Readonly<Record<string, AgentMethod>>;
