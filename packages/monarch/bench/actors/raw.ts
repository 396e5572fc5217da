import { createServer } from 'node:net';

/**
 * The control for large arguments: reads messages of a known size from a socket, each into memory of its own, as any
 * receiver must, and answers each with a byte.
 */
const [, , path, size] = process.argv;
const bytes = Number(size);
createServer((socket) => {
  let message = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  socket.on('data', (chunk) => {
    message.set(chunk, filled);
    filled += chunk.length;
    if (filled < bytes) return;
    message = Buffer.allocUnsafeSlow(bytes);
    filled = 0;
    socket.write('.');
  });
}).listen(path, () => process.send?.('ready'));
process.once('disconnect', () => process.exit());
