import { readFileSync, readlinkSync } from 'node:fs';

/** A process, told apart from a later one with the same id. */
export interface Owner {
  /** The process id namespace: ids mean nothing in another container. 0 where the system has none. */
  readonly namespace: number;
  readonly pid: number;
  /** Clock ticks between boot and the start of the process; 0 where the system does not say. */
  readonly startTicks: number;
}

/** When a process started, in clock ticks since boot; undefined where the system does not say. */
function startOf(pid: number): number | 'ended' | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold spaces; the third is the state, the start is field 22.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? 'ended' : Number(rest[18]);
  } catch {
    return undefined;
  }
}

function ownNamespace(): number {
  try {
    return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0);
  } catch {
    return 0; // a system without /proc
  }
}

/** This process. */
export function thisOwner(): Owner {
  const start = startOf(process.pid);
  return { namespace: ownNamespace(), pid: process.pid, startTicks: typeof start === 'number' ? start : 0 };
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether a process is certainly gone; one of another container is never said to be. */
export function isGone({ namespace, pid, startTicks }: Owner): boolean {
  if (namespace !== ownNamespace()) return false;
  const start = startOf(pid);
  if (start === undefined || startTicks === 0) return !exists(pid);
  return start !== startTicks; // a zombie, or a later process with the same id
}

/** An owner as a word, for names and headers. */
export function writeOwner({ namespace, pid, startTicks }: Owner): string {
  return `${namespace}-${pid}-${startTicks}`;
}

/** Reads what {@link writeOwner} wrote; undefined when the word is none of those. */
export function readOwner(text: string): Owner | undefined {
  const match = /^(\d{1,15})-(\d{1,15})-(\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  const [, namespace, pid, startTicks] = match;
  return { namespace: Number(namespace), pid: Number(pid), startTicks: Number(startTicks) };
}
