import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OperatorTime, operatorTimes, type ProfileEvent } from './operator-time.ts';

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
