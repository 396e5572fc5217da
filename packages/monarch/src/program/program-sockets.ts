import { OwnershipError } from '../errors.ts';
import type { HostDirectory } from '../hosts/host-network.ts';
import type { Network } from '../wire/connection.ts';
import type { Opening } from '../wire/link.ts';
import { Sessions } from '../wire/sessions.ts';
import type { Platform } from './platform.ts';

/** What makes the sockets of a program. */
export interface ProgramSocketsOptions {
  /** Of this process. */
  readonly id: string;
  readonly platform: Platform;
  /** What this process knows of other machines. */
  readonly hosts: HostDirectory;
  /** Takes a link that another process opens. */
  readonly accept: (id: string) => Opening;
  /** Where they are. @default a new directory, which belongs to this process */
  readonly directory: string | undefined;
}

/**
 * The sockets of a program on this machine, and the sessions over them. The root has them only while it has processes:
 * without any, nothing is left of it, even when it is killed.
 */
export class ProgramSockets {
  readonly #options: ProgramSocketsOptions;
  readonly #sessions: Sessions;
  #directory: string | undefined;
  #network: Promise<Network> | undefined;

  constructor(options: ProgramSocketsOptions) {
    const { id, platform, accept, directory } = options;
    this.#options = options;
    this.#directory = directory;
    const { clock, sessionFaults: faults } = platform;
    this.#sessions = new Sessions({ id, clock, nonce: () => platform.nonce(), accept, faults });
  }

  /** @throws {OwnershipError} before there are any */
  get directory(): string {
    if (this.#directory === undefined) throw new OwnershipError('the program has no sockets here.');
    return this.#directory;
  }

  /** Opens a link to another process. */
  dial(id: string, opening: Opening): void {
    const open = this.#network ?? Promise.reject(new OwnershipError('the program has no processes.'));
    open.then(
      () => this.#sessions.dial(id, opening),
      (error: Error) => opening.onClose(error.message, error),
    );
  }

  /** Listens, from the first time on. */
  async open(): Promise<Network> {
    this.#network ??= this.#listen();
    return await this.#network;
  }

  /** Listens no more. */
  close(): void {
    void this.#network?.then((network) => network.close());
    this.#network = undefined;
    this.removeDirectory();
  }

  /** Removes the directory, if it belongs to this process. */
  removeDirectory(): void {
    const { platform, directory } = this.#options;
    if (directory !== undefined || this.#directory === undefined) return;
    platform.removeDirectory(this.#directory);
    this.#directory = undefined;
  }

  async #listen(): Promise<Network> {
    const { id, platform, hosts } = this.#options;
    this.#directory ??= platform.makeDirectory();
    const { accept } = this.#sessions;
    const network = await platform.openNetwork({ id, directory: this.#directory, accept, hosts });
    this.#sessions.use(network);
    return network;
  }
}
