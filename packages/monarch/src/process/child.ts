import { rmSync } from 'node:fs';
import { enterProgram } from '../program.ts';

/*
 * The entry of every child process. The channel to the parent carries one word, "ready", and its end: whatever becomes
 * of the parent, the channel ends, and this process with it. Actors come over the socket.
 */
const [, , id, parent, directory] = process.argv;
if (id === undefined || parent === undefined || directory === undefined || process.send === undefined) {
  throw new RangeError('This file is started by spawnProcs, with an id, a parent and a directory.');
}

// Ctrl-C reaches the whole process group. The program decides what it means.
process.on('SIGINT', () => {});

const program = await enterProgram({ id, parent, directory });
process.once('disconnect', () => {
  // The root cannot tidy up after its own death.
  if (!program.hasLeft && parent === '0') rmSync(directory, { recursive: true, force: true });
  process.exit(program.hasLeft ? 0 : 1);
});
if (process.connected) process.send('ready');
else process.exit(1);
