import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../clock.ts';
import type { Platform } from '../platform.ts';
import { UnixNetwork } from '../wire/unix-network.ts';
import { launchProcess } from './child-process.ts';

const [, main] = process.argv;

/** This machine. */
export const systemPlatform: Platform = {
  clock: systemClock,
  date: Date.now,
  makeDirectory: () => mkdtempSync(join(tmpdir(), 'forge-')),
  removeDirectory: (directory) => rmSync(directory, { recursive: true, force: true }),
  openNetwork: async ({ id, directory, accept }) => {
    const network = new UnixNetwork(directory, id, accept);
    await network.listen();
    return network;
  },
  launch: launchProcess,
  importModule: async (module) => await import(/* @vite-ignore */ module),
  main: main === undefined ? undefined : pathToFileURL(main).href,
  write: (stream, text) => void process[stream].write(text),
  isTerminal: (stream) => process[stream].isTTY === true,
  exit: (code) => process.exit(code),
  onExit: (task) => void process.once('exit', task),
  markFailed: () => {
    process.exitCode = 1;
  },
  nonce: randomUUID,
  random: Math.random,
};
