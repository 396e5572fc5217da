import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Directories of programs and of daemons. */
const OURS = /^forge-(host-)?\w{6}$/;
/** In each, a socket on which its first process listens for as long as it lives: of a daemon, of the root of a program. */
const SIGNS_OF_LIFE = ['alive', '0.sock'] as const;

const SETTLE_MS = 100;

/** A directory that is known to be left over once this process has ended, however it does. */
export async function ownedDirectory(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'forge-host-'));
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(join(directory, SIGNS_OF_LIFE[0]), resolve);
  });
  server.unref();
  return directory;
}

/**
 * Removes what programs and daemons have left that were killed with everything around them. A pid would not tell: the
 * folder may be shared by containers that count alone.
 */
export async function sweepDirectories(): Promise<void> {
  const found = readdirSync(tmpdir()).filter((name) => OURS.test(name));
  await Promise.all(
    found.map(async (name) => {
      const directory = join(tmpdir(), name);
      if (!(await isLeftOver(directory))) return;
      // Between its binding and its listening a socket refuses, too.
      await setTimeout(SETTLE_MS);
      if (await isLeftOver(directory)) rmSync(directory, { recursive: true, force: true });
    }),
  );
}

async function isLeftOver(directory: string): Promise<boolean> {
  if (statSync(directory, { throwIfNoEntry: false })?.uid !== process.getuid?.()) return false;
  const codes = await Promise.all(SIGNS_OF_LIFE.map(async (name) => await codeOf(join(directory, name))));
  // Without either it is just being made, or none of ours.
  return codes.includes('ECONNREFUSED') && codes.every((code) => code === 'ECONNREFUSED' || code === 'ENOENT');
}

/** Why nobody answers on a socket; `undefined` when somebody does. */
async function codeOf(path: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}
