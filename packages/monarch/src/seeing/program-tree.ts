import type { ProcessExit } from '../errors.ts';
import type { Board } from './boards.ts';
import type { FailureEvent } from './channels.ts';
import { quantileMs } from './latency-histogram.ts';
import type {
  ActorReport,
  ActorState,
  ChildReport,
  EndpointReport,
  LastError,
  PeerReport,
  ProcessReport,
  ProcessState,
  ProcessUsage,
} from './process-report.ts';

/** A program, as `/v1/tree` shows it. Times of day are milliseconds since 1970. */
export interface ProgramTree {
  readonly asOf: number;
  readonly hosts: readonly HostNode[];
}

/** A machine of the program. */
export interface HostNode {
  /** First part of the ids of its processes: `0` where the program was started. */
  readonly id: string;
  /** `undefined` as long as no process of it has told. */
  readonly hostname?: string;
  readonly processes: readonly ProcessNode[];
}

/** A process. What it told of itself is missing when it never answered, and old when it is silent or has ended. */
export interface ProcessNode {
  readonly kind: 'process';
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly state: ProcessState;
  /** When it told the rest. */
  readonly asOf?: number;
  readonly usage?: ProcessUsage;
  readonly exit?: ProcessExit;
  /** Why its machine cannot be reached. */
  readonly problem?: string;
  readonly actors: readonly ActorNode[];
  readonly peers: readonly PeerReport[];
  /** The last failures of its actors and of processes that it started, oldest first. */
  readonly failures: readonly FailureEvent[];
  readonly failureCount: number;
  /** What libraries show of themselves there. */
  readonly boards: readonly Board[];
  /** Those of the same machine that it started. */
  readonly processes: readonly ProcessNode[];
}

/** An actor. Durations are from arrival to end, time in the mailbox included. */
export interface ActorNode {
  readonly kind: 'actor';
  /** Id of its process, and its number there: `0.3/7`. */
  readonly id: string;
  readonly mesh: string;
  readonly rank: number;
  readonly className: string;
  readonly state: ActorState;
  readonly mailboxLength: number;
  readonly mailboxHighWater: number;
  readonly lastError?: LastError;
  readonly failure?: string;
  readonly endpoints: readonly EndpointNode[];
}

/** An endpoint of an actor, since the actor was spawned. */
export interface EndpointNode {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
  readonly inFlight: number;
  readonly meanMs?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly maxMs: number;
}

/** The program, of what its process `root` told. */
export function programTree(root: ProcessReport): ProgramTree {
  const hosts = new Map<string, ProcessNode[]>();
  const place = (node: ProcessNode) => {
    const host = hostOf(node.id);
    hosts.set(host, [...(hosts.get(host) ?? []), node]);
  };
  const grow = (child: ChildReport): ProcessNode => {
    const inner = (child.report?.processes ?? []).map(grow);
    const here = inner.filter(({ id }) => hostOf(id) === hostOf(child.id));
    for (const elsewhere of inner) if (!here.includes(elsewhere)) place(elsewhere);
    return processNode(child, here);
  };
  place(grow({ id: root.id, name: 'the program', pid: root.usage.pid, state: 'running', report: root }));
  const ids = [...hosts.keys()].sort((a, b) => Number(a.replace('h', '')) - Number(b.replace('h', '')));
  return { asOf: root.asOf, hosts: ids.map((id) => hostNode(id, hosts.get(id) ?? [])) };
}

/** The process or actor of a tree that has this id. */
export function findNode(tree: ProgramTree, id: string): ProcessNode | ActorNode | undefined {
  const [process = ''] = id.split('/');
  const search = (nodes: readonly ProcessNode[]): ProcessNode | undefined => {
    for (const node of nodes) {
      const found = node.id === process ? node : search(node.processes);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = search(tree.hosts.flatMap(({ processes }) => processes));
  return id === process ? found : found?.actors.find((actor) => actor.id === id);
}

function hostOf(process: string): string {
  return process.split('.')[0] ?? process;
}

function hostNode(id: string, processes: readonly ProcessNode[]): HostNode {
  const hostname = processes.find(({ usage }) => usage !== undefined)?.usage?.hostname;
  return hostname === undefined ? { id, processes } : { id, hostname, processes };
}

function processNode({ report, ...child }: ChildReport, processes: readonly ProcessNode[]): ProcessNode {
  const told = report === undefined ? {} : { asOf: report.asOf, usage: report.usage };
  return {
    kind: 'process',
    ...child,
    ...told,
    actors: (report?.actors ?? []).map((actor) => actorNode(child.id, actor)),
    peers: report?.peers ?? [],
    failures: report?.failures ?? [],
    failureCount: report?.failureCount ?? 0,
    boards: report?.boards ?? [],
    processes,
  };
}

function actorNode(process: string, { actor, endpoints, ...rest }: ActorReport): ActorNode {
  return { kind: 'actor', id: `${process}/${actor}`, ...rest, endpoints: endpoints.map(endpointNode) };
}

function endpointNode({ buckets, totalMs, ...rest }: EndpointReport): EndpointNode {
  const [p50Ms, p99Ms] = [quantileMs(buckets, 0.5), quantileMs(buckets, 0.99)];
  if (p50Ms === undefined || p99Ms === undefined) return rest;
  // Buckets are told by their middle, which may lie above the longest.
  const atMost = (ms: number) => Math.min(ms, rest.maxMs);
  return { ...rest, meanMs: totalMs / (rest.calls - rest.inFlight), p50Ms: atMost(p50Ms), p99Ms: atMost(p99Ms) };
}
