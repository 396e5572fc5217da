import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { Actor, type ActorMesh, endpoint } from '@forge/monarch';
import type { Controller } from './controller.ts';
import { isInMemory } from './mapped-files.ts';
import type { SessionEnd } from './transport/served-session.ts';
import { type SegmentServer, serveSegments } from './transport/server.ts';
import { sessionOf, socketPathOf, type VolumeAddress } from './transport/transport.ts';
import { createVolumeDirectory, defaultParent, sweepDeadOwners, type VolumeDirectory } from './volume-directory.ts';
import { WarmSegments } from './warm-segments.ts';

/** Where a volume keeps its bytes and listens. */
export interface VolumeOptions {
  /** Addresses to listen on, by which clients reach the volumes of each host; one may stand for all. */
  readonly hosts: readonly string[];
  readonly perHost: number;
  /** Folder for the segments. @default /dev/shm where it is writable, else the temporary folder */
  readonly parent: string | undefined;
  readonly tls: TlsFiles | undefined;
  /** How long a client that was cut off may take to come back before its session ends. */
  readonly reconnectMs: number;
}

/** Paths of PEM files: a certificate, its key, and the authority that signed it. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Holds the bytes of tensors as files, and learns from its sockets which clients live.
 *
 *   client ──socket open──▶ session begins: its folder is made, the client may write segments there
 *   client ──done, or gone for too long──▶ session ends: the controller refuses its puts, names what it committed; the
 *                                          rest is removed
 */
export class Volume extends Actor {
  static readonly module: string = import.meta.url;
  readonly #controller: ActorMesh<Controller, never>;
  readonly #options: VolumeOptions;
  readonly #sessions = new Set<string>();
  #id = '';
  #token = '';
  #host = '';
  #directory: VolumeDirectory | undefined;
  #warm: WarmSegments | undefined;
  #server: SegmentServer | undefined;
  readonly #removeDirectory = () => {
    if (this.#directory !== undefined) rmSync(this.#directory.path, { recursive: true, force: true });
  };

  constructor(controller: ActorMesh<Controller, never>, options: VolumeOptions) {
    super();
    this.#controller = controller;
    this.#options = options;
  }

  override async setup(): Promise<void> {
    const { hosts, perHost, parent = defaultParent(), tls, reconnectMs } = this.#options;
    const { rank } = this.context.point;
    this.#id = `v${rank}`;
    this.#host = hosts[Math.floor(rank / perHost)] ?? hosts[0]!; // openStore gives one for each, or one
    this.#token = randomBytes(24).toString('hex');
    sweepDeadOwners(parent);
    this.#directory = createVolumeDirectory(parent);
    process.once('exit', this.#removeDirectory);
    const directory = this.#directory.path;
    if (isInMemory(directory)) this.#warm = new WarmSegments(directory);
    this.#server = await serveSegments({
      directory,
      token: this.#token,
      host: this.#host,
      port: 0,
      socketPath: socketPathOf(directory),
      tls: tls && { cert: readFileSync(tls.cert, 'utf8'), key: readFileSync(tls.key, 'utf8') },
      reconnectMs,
      onSession: (session) => {
        this.#sessions.add(session);
        mkdirSync(join(directory, session), { recursive: true, mode: 0o700 });
      },
      onSessionEnd: (session, how) => void this.#endSession(session, how),
    });
  }

  /** How clients reach this volume. */
  readonly address = endpoint((): VolumeAddress => {
    const { path, nonce } = this.#directory!; // endpoints run after setup, which made it
    const host = isIPv6(this.#host) ? `[${this.#host}]` : this.#host;
    const url = `${this.#options.tls === undefined ? 'ws' : 'wss'}://${host}:${this.#server!.port}`;
    return { id: this.#id, url, token: this.#token, directory: path, nonce };
  });

  /** Removes segments that nothing refers to any more, or keeps them for the next writer. */
  readonly drop = endpoint(
    ({ reusable, others }: { readonly reusable: readonly string[]; readonly others: readonly string[] }): void => {
      for (const segment of reusable) this.#remove(segment, true);
      for (const segment of others) this.#remove(segment, false);
    },
  );

  /** A client has given its session up. */
  readonly forget = endpoint((session: string): void => this.#server?.end(session));

  #remove(segment: string, isReusable: boolean): void {
    const session = sessionOf(segment);
    if (session === undefined || this.#directory === undefined) return;
    const folder = join(this.#directory.path, session);
    ignoreMissing(() => {
      if (isReusable && this.#warm?.keep(segment) === true) return;
      unlinkSync(join(this.#directory!.path, segment)); // it was there above
    });
    if (!this.#sessions.has(session)) ignoreMissing(() => rmdirSync(folder));
  }

  async #endSession(session: string, how: SessionEnd): Promise<void> {
    this.#sessions.delete(session);
    let kept: ReadonlySet<string>;
    try {
      kept = new Set(await this.#controller.endSession.callOne({ volume: this.#id, session, how }));
    } catch {
      return; // without a controller the store is ending, and the whole directory with it
    }
    if (this.#directory === undefined) return;
    const folder = join(this.#directory.path, session);
    ignoreMissing(() => {
      for (const name of readdirSync(folder)) {
        if (!kept.has(`${session}/${name}`)) ignoreMissing(() => unlinkSync(join(folder, name)));
      }
      rmdirSync(folder);
    });
  }

  override async cleanup(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#warm?.[Symbol.dispose]();
    process.off('exit', this.#removeDirectory);
    this.#removeDirectory();
    this.#directory = undefined;
  }
}

/** Runs a removal for which it is no failure that the file is gone or its folder is still needed. */
function ignoreMissing(removal: () => void): void {
  try {
    removal();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}
