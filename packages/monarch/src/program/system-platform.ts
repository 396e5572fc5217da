import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { blockOutput } from '../children/blocking-output.ts';
import { launchProcess } from '../children/child-process.ts';
import { checkModuleFile, ownAllowList } from '../hosts/allow-list.ts';
import { type LaunchedHere, receiveConnections } from '../hosts/handed-connection.ts';
import { HostNetwork } from '../hosts/host-network.ts';
import { sweepDirectories } from '../hosts/sweep.ts';
import { takeConnections } from '../hosts/take-connection.ts';
import { memoryWay, ProcessMemory } from '../memory/process-memory.ts';
import { systemClock } from '../time/clock.ts';
import type { Accept } from '../wire/connection.ts';
import { UnixNetwork } from '../wire/unix-network.ts';
import { nodeCrypto } from './node-crypto.ts';
import type { Platform } from './platform.ts';

const [, main] = process.argv;

const nonce = (): string => nodeCrypto().randomUUID();

/** The process that begins a program, which nothing is handed to. */
const ROOT_ID = '0';

/** The children of this process that run, by their ids. */
const launched = new Map<string, LaunchedHere>();

/** This machine. */
export const systemPlatform: Platform = {
  clock: systemClock,
  date: Date.now,
  makeDirectory: () => mkdtempSync(join(tmpdir(), 'forge-')),
  removeDirectory: (directory) => rmSync(directory, { recursive: true, force: true }),
  openNetwork: async ({ id, directory, accept, hosts }) => {
    const local = async (acceptLocal: Accept) => {
      const network = new UnixNetwork(directory, id, acceptLocal);
      await network.listen();
      if (id !== ROOT_ID) receiveConnections({ id, children: launched, take: takeConnections(acceptLocal) });
      return network;
    };
    // A program that was killed together with all its processes could not tidy up.
    if (id === ROOT_ID) void sweepDirectories();
    return await HostNetwork.open({ id, clock: systemClock, nonce, accept, directory: hosts, local });
  },
  launch: (options) => {
    blockOutput();
    const child = launchProcess(options);
    launched.set(options.id, child);
    void child.exited.then(() => launched.delete(options.id));
    return child;
  },
  importModule: async (module) => {
    const allowed = ownAllowList();
    if (allowed !== undefined) checkModuleFile(module, allowed, hostname());
    return await import(/* @vite-ignore */ module);
  },
  main: main === undefined ? undefined : pathToFileURL(main).href,
  write: (stream, text) => void process[stream].write(text),
  isTerminal: (stream) => process[stream].isTTY === true,
  usage: () => {
    const { user, system } = process.cpuUsage();
    return {
      pid: process.pid,
      hostname: hostname(),
      uptimeMs: process.uptime() * 1_000,
      rssBytes: process.memoryUsage.rss(),
      heapBytes: process.memoryUsage().heapUsed,
      cpuMs: (user + system) / 1_000,
      busyMs: performance.eventLoopUtilization().active,
    };
  },
  exit: (code) => process.exit(code),
  onExit: (task) => void process.once('exit', task),
  markFailed: () => {
    process.exitCode = 1;
  },
  openMemory: () => {
    const way = memoryWay(process.env['FORGE_MEMORY']);
    return way === 'frames' ? undefined : new ProcessMemory(way);
  },
  nonce,
  random: Math.random,
};
