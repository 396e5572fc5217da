import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'forge-host-';
/** In each directory, a socket on which its daemon listens for as long as it lives. */
const SIGN_OF_LIFE = 'alive';
/** A directory without the socket may have been made just now. */
const MIN_AGE_MS = 60_000;

/** A directory that is known to be left over once this process has ended, however it does. */
export async function ownedDirectory(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), PREFIX));
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(join(directory, SIGN_OF_LIFE), resolve);
  });
  server.unref();
  return directory;
}

/** Removes the directories of daemons that were killed. A pid would not tell: machines that share the folder count alone. */
export async function sweepDirectories(): Promise<void> {
  const found = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX));
  await Promise.all(
    found.map(async (name) => {
      const directory = join(tmpdir(), name);
      if (await isLeftOver(directory)) rmSync(directory, { recursive: true, force: true });
    }),
  );
}

async function isLeftOver(directory: string): Promise<boolean> {
  const { uid, mtimeMs } = statSync(directory);
  if (uid !== process.getuid?.()) return false;
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = createConnection(join(directory, SIGN_OF_LIFE));
    socket.once('connect', () => resolve(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.once('close', () => socket.destroy());
  });
  return code === 'ECONNREFUSED' || (code === 'ENOENT' && Date.now() - mtimeMs > MIN_AGE_MS);
}
