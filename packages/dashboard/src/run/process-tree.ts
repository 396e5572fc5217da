import type { LoggedRecord } from './record-file.ts';

/** A process of a run. */
export interface ReplicaNode {
  readonly index: number;
  readonly state: string;
  readonly restarts: number;
  /** Why it was last lost. */
  readonly cause?: string;
}

/** An actor, or a service with its replicas. */
export interface PartNode {
  readonly name: string;
  readonly kind: string;
  readonly replicas: readonly ReplicaNode[];
}

/** A process that went over to another state. */
export interface ProcessChange {
  readonly step: number;
  readonly wallSeconds: number;
  /** `generator/0`. */
  readonly process: string;
  readonly from: string | null;
  readonly to: string;
}

/** The processes of a run as they were told last, and what happened to them before. */
export interface ProcessTree {
  readonly parts: readonly PartNode[];
  /** The latest first. */
  readonly changes: readonly ProcessChange[];
}

/** What the lines of `processes.jsonl` say, of which each has all processes. */
export function processTree(records: readonly LoggedRecord[]): ProcessTree {
  const changes: ProcessChange[] = [];
  let before = new Map<string, string>();
  let parts: readonly PartNode[] = [];
  for (const { step, wallSeconds, parts: told } of records) {
    parts = Array.isArray(told) ? (told as readonly PartNode[]) : []; // as runs write them
    const now = new Map(
      parts.flatMap(({ name, replicas }) => replicas.map(({ index, state }) => [`${name}/${index}`, state] as const)),
    );
    for (const [process, to] of now) {
      const from = before.get(process) ?? null;
      if (from !== to) changes.push({ step: Number(step), wallSeconds: Number(wallSeconds), process, from, to });
    }
    before = now;
  }
  return { parts, changes: changes.toReversed() };
}
