import { rmSync } from 'node:fs';
import { machineOf } from '../process/process-id.ts';
import { enterProgram } from '../program/current-program.ts';
import { blockOutput } from './blocking-output.ts';

/*
 * The life of a child process. The channel to the parent carries one word, "ready", and its end: whatever becomes
 * of the parent, the channel ends, and this process with it. Actors come over the socket.
 */
const [, , id, parent, directory] = process.argv;
if (id === undefined || parent === undefined || directory === undefined || process.send === undefined) {
  throw new RangeError('This file is started by spawnProcs, with an id, a parent and a directory.');
}

/** The first process of the program on its machine, started by the daemon there. */
const isAgent = machineOf(id) === id;

// Ctrl-C, and what stops a job, reach the whole process group. The program decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

// A parent that reads slowly holds a process that prints much.
blockOutput();

const program = await enterProgram({ id, parent, directory });
process.once('disconnect', () => {
  // The first process of a machine cannot tidy up after its own death.
  const isNextToFirst = isAgent || machineOf(parent) === parent;
  if (!program.hasLeft && isNextToFirst) rmSync(directory, { recursive: true, force: true });
  // An agent leads the group of all that it started: they end with it, whatever they are doing.
  if (isAgent) process.kill(-process.pid, 'SIGKILL');
  process.exit(program.hasLeft ? 0 : 1);
});
if (process.connected) process.send('ready');
else process.exit(1);
