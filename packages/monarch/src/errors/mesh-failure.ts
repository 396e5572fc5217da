import type { Point } from '../mesh/extent.ts';
import { exitText } from './error-text.ts';

/** Why points of a mesh are lost. */
export type FailureKind =
  | 'exception'
  | 'setup'
  | 'exit'
  | 'signal'
  | 'unreachable'
  | 'overflow'
  | 'orphaned'
  | 'aborted';

/** How a process ended. */
export interface ProcessExit {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines it wrote to stderr. */
  readonly stderrTail: readonly string[];
}

/** The data of a {@link MeshFailure}. */
export interface MeshFailureFields {
  readonly mesh: string;
  readonly points: readonly Point<string>[];
  readonly kind: FailureKind;
  readonly problem: string;
  readonly process?: ProcessExit | undefined;
  readonly chain?: readonly string[];
  readonly generation?: number | undefined;
  readonly restarting?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Actors or processes of a mesh are gone. Pending calls to these points reject with this, and so do later ones unless it
 * is `restarting`.
 */
export class MeshFailure extends Error {
  override readonly name = 'MeshFailure';
  readonly code = 'ERR_MONARCH_MESH';
  readonly mesh: string;
  readonly points: readonly Point<string>[];
  readonly kind: FailureKind;
  /** What happened, without whom it happened to. */
  readonly problem: string;
  readonly process?: ProcessExit;
  /** Owners it passed through. */
  readonly chain: readonly string[];
  /** How often the actor had been restarted when it failed; absent where that is not known. */
  readonly generation?: number;
  /** It is started anew; later calls wait for that. */
  readonly restarting: boolean;

  constructor({
    mesh,
    points,
    kind,
    problem,
    process,
    chain = [],
    generation,
    restarting = false,
    cause,
  }: MeshFailureFields) {
    const where = points.map((point) => `${mesh}/${point.rank}`).join(', ');
    super(`${where} ${problem}`, cause === undefined ? undefined : { cause });
    this.mesh = mesh;
    this.points = points;
    this.kind = kind;
    this.problem = problem;
    if (process !== undefined) this.process = process;
    this.chain = chain;
    if (generation !== undefined) this.generation = generation;
    this.restarting = restarting;
  }

  /** What a person wants to read: what failed, where, how its process ended with its last lines, and the remote stack. */
  report(): string {
    const { process, chain } = this;
    const lines = [this.message];
    if (chain.length > 0) lines.push(`  passed on, not handled, by: ${chain.join(', ')}`);
    if (process !== undefined) {
      const { stderrTail } = process;
      const end = exitText(process);
      // The message of a failure that climbed need not say it.
      if (!this.message.includes(end)) lines.push(`  ${end}`);
      if (stderrTail.length > 0) lines.push('  its last lines on stderr:', ...stderrTail.map((line) => `    ${line}`));
    }
    const origin = originOf(this);
    if (origin instanceof Error) lines.push('  the error:', ...indented(origin.stack ?? origin.message));
    return lines.join('\n');
  }
}

/** The error at the bottom of a failure that climbed. */
function originOf(failure: MeshFailure): unknown {
  let cause = failure.cause;
  while (cause instanceof MeshFailure) cause = cause.cause;
  return cause;
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `    ${line}`);
}
