import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGone, type Owner, readOwner, thisOwner, writeOwner } from './owner.ts';

/** A directory of segment files, and the secret by which a client recognises that it sees the same directory. */
export interface VolumeDirectory {
  readonly path: string;
  readonly nonce: string;
}

const pattern = /^forge-torchstore-([\d-]+)-[0-9a-f]+$/;

/** Where segments go when the caller does not say: memory where the system has it, else the temporary directory. */
export function defaultParent(): string {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

function ownerIn(name: string): Owner | undefined {
  const [, owner] = pattern.exec(name) ?? [];
  return owner === undefined ? undefined : readOwner(owner);
}

/** Removes the directories that dead processes left; returns their paths. */
export function sweepDeadOwners(parent: string): string[] {
  const swept: string[] = [];
  for (const name of readdirSync(parent)) {
    const owner = ownerIn(name);
    if (owner === undefined || !isGone(owner)) continue;
    const path = join(parent, name);
    try {
      rmSync(path, { recursive: true, force: true });
      swept.push(path);
    } catch {
      // Another user's directory stays for that user to sweep; losing a race with another sweeper is no loss.
    }
  }
  return swept;
}

/** Makes a directory that this process owns. Its name says so, for the sweep after a death that could not clean up. */
export function createVolumeDirectory(parent: string): VolumeDirectory {
  const path = join(parent, `forge-torchstore-${writeOwner(thisOwner())}-${randomBytes(6).toString('hex')}`);
  mkdirSync(path, { mode: 0o700 });
  const nonce = randomBytes(16).toString('hex');
  writeFileSync(join(path, 'nonce'), nonce, { mode: 0o600, flag: 'wx' });
  return { path, nonce };
}
