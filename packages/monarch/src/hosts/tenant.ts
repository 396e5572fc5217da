import { mkdirSync, rmSync } from 'node:fs';
import type { WebSocket } from 'ws';
import { launchProcess } from '../children/child-process.ts';
import { exitText } from '../errors.ts';
import { systemClock } from '../time/clock.ts';
import type { SocketHandle } from '../wire/socket-handle.ts';
import { ALLOW_VARIABLE } from './allow-list.ts';
import type { LaunchedHere } from './handed-connection.ts';
import { type AttachRequest, DETACH, GONE_CODE } from './protocol.ts';
import { listenForSilence, type Silence } from './silence.ts';

/** A machine waits this much longer for a program than the program for the machine. */
const ORPHAN_MARGIN_MS = 1_000;

/** What a daemon gives each of its tenants. */
export interface TenantOptions {
  /** Key of TLS for connections to its processes, in hexadecimal; empty where nothing is encrypted. */
  readonly key: string;
  /** Made here; for the sockets of this program alone. */
  readonly directory: string;
  readonly allow: readonly string[];
  readonly orphanMs: number;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Once; nothing of it is left then. */
  readonly onEnd: (reason: string) => void;
}

/** A program that has attached this machine: its agent process, its sockets, and the connection that keeps both. */
export class Tenant {
  readonly directory: string;
  readonly request: AttachRequest;
  /** The agent listens. Rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly #key: string;
  readonly #agent: LaunchedHere;
  /** By which other machines know that it is here. */
  readonly #watchers = new Set<WebSocket>();
  readonly #ended = Promise.withResolvers<void>();
  #connection: WebSocket | undefined;
  /** Of the program; the time in which its agent starts does not count. */
  #silence: Silence | undefined;
  #endReason: string | undefined;
  #hasEnded = false;

  constructor(request: AttachRequest, { key, directory, allow, orphanMs, onLine, onEnd }: TenantOptions) {
    this.directory = directory;
    this.#key = key;
    this.request = request;
    const limitMs = Math.max(orphanMs, request.partitionTimeoutMs + ORPHAN_MARGIN_MS);
    mkdirSync(directory, { mode: 0o700 });
    const { machine: id, name } = request;
    const env = { [ALLOW_VARIABLE]: JSON.stringify(allow) };
    this.#agent = launchProcess(
      { id, parent: '0', directory, name: `agent of ${name}`, env, onLine },
      // A group of its own, so that everything below it can be killed at once, and Ctrl-C of the daemon does not reach it.
      { detached: true },
    );
    this.ready = Promise.race([
      this.#agent.ready,
      this.#agent.exited.then((exit) => {
        throw new Error(`its agent did not start: ${[exitText(exit), ...exit.stderrTail].join('\n')}`);
      }),
    ]);
    const listen = () => {
      this.#silence = listenForSilence(systemClock, limitMs, {
        onSilent: () => void this.end(`it was silent for ${limitMs} ms`).then(() => this.#connection?.terminate()),
      });
    };
    this.ready.then(listen, () => {});
    void this.#agent.exited.then((exit) => {
      this.killNow();
      this.#hasEnded = true;
      for (const told of [this.#connection, ...this.#watchers]) told?.close(GONE_CODE, 'its agent has ended.');
      this.#ended.resolve();
      onEnd(this.#endReason ?? `its agent has ended: ${exitText(exit)}`);
    });
  }

  /** Pid of the agent, and id of the process group of everything that it started. */
  get pid(): number {
    return this.#agent.pid;
  }

  /** Is kept by this connection from now on. */
  keepBy(connection: WebSocket): void {
    this.#connection?.terminate();
    this.#connection = connection;
    this.#silence?.heard();
    connection.on('ping', () => this.#silence?.heard());
    connection.on('message', (data) => {
      this.#silence?.heard();
      if (String(data) === DETACH) void this.end('it has left').then(() => connection.close(1000));
    });
  }

  /** Is told to whoever holds this connection when it ends. */
  watchBy(connection: WebSocket): void {
    this.#watchers.add(connection);
    connection.once('close', () => this.#watchers.delete(connection));
  }

  /** Hands a connection to one of its processes. */
  hand(to: string, from: string, handle: SocketHandle): void {
    this.#agent.hand({ kind: 'connection', to, from, key: this.#key }, handle);
  }

  /** Ends the agent and all that it started. */
  async end(reason: string): Promise<void> {
    this.#endReason ??= reason;
    this.killNow();
    await this.#ended.promise;
  }

  /** Kills everything and removes its sockets, at once. */
  killNow(): void {
    // Its pid may be that of another process by then.
    if (this.#hasEnded) return;
    this.#silence?.stop();
    killGroup(this.#agent.pid);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Kills a process and everything that it started, whose group it leads. */
function killGroup(pid: number): void {
  // 0, of a process that could not be started, would mean the group of this one.
  if (pid === 0) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has no process left.
  }
}
