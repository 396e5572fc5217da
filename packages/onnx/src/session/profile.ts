import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one kind of operator cost over all runs of a session. */
export interface OperatorTime {
  /** The operator after onnxruntime's own rewriting, such as `FusedMatMul`. */
  readonly operator: string;
  readonly calls: number;
  readonly totalMs: number;
  /** Part of the time of all operators, from 0 to 1. */
  readonly share: number;
}

/** An event of onnxruntime's profile. Source: onnxruntime `core/common/profiler.cc`; the format is Chrome's. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

/** Where onnxruntime writes the profile of one session; it exists until it is read or dropped. */
export class ProfileFolder {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async create(): Promise<ProfileFolder> {
    return new ProfileFolder(await mkdtemp(join(tmpdir(), 'forge-profile-')));
  }

  /** How the file is to be called, without its ending. */
  get prefix(): string {
    return join(this.#path, 'session');
  }

  /** The times by operator, the longest first; the session has been closed. Deletes the folder. */
  async take(): Promise<OperatorTime[]> {
    try {
      const files = await readdir(this.#path);
      const events = await Promise.all(
        files.map(async (file) => parse(await readFile(join(this.#path, file), 'utf8'))),
      );
      return operatorTimes(events.flat());
    } finally {
      await this.drop();
    }
  }

  /** Deletes the folder. */
  async drop(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }
}

function parse(json: string): readonly ProfileEvent[] {
  // onnxruntime wrote this file; its format is stable.
  return JSON.parse(json) as readonly ProfileEvent[];
}

function operatorTimes(events: readonly ProfileEvent[]): OperatorTime[] {
  const sums = new Map<string, { calls: number; totalMs: number }>();
  let allMs = 0;
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || args.op_name === undefined || !name.endsWith('_kernel_time')) continue;
    const sum = sums.get(args.op_name) ?? { calls: 0, totalMs: 0 };
    sum.calls += 1;
    sum.totalMs += dur / 1e3;
    allMs += dur / 1e3;
    sums.set(args.op_name, sum);
  }
  return [...sums]
    .map(([operator, sum]) => ({ operator, ...sum, share: allMs === 0 ? 0 : sum.totalMs / allMs }))
    .sort((a, b) => b.totalMs - a.totalMs);
}

/** The times as a table for people, one operator a line. */
export function profileTable(times: readonly OperatorTime[]): string {
  const rows = times.map(({ operator, calls, totalMs, share }) => [
    operator,
    `${calls}`,
    totalMs.toFixed(2),
    `${(share * 100).toFixed(1)} %`,
  ]);
  const table = [['operator', 'calls', 'ms', 'share'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map(([operator, ...figures]) =>
      [operator!.padEnd(widths[0]!), ...figures.map((figure, i) => figure.padStart(widths[i + 1]!))].join('  '),
    )
    .join('\n');
}
