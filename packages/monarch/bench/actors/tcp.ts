import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSink, type Server, type Socket } from 'node:net';
import { createServer as createTlsSink } from 'node:tls';
import { Packr } from 'msgpackr';
import { WebSocketServer } from 'ws';
import { serverTls } from '../../src/hosts/credentials.ts';

/**
 * The controls over TCP: answers small calls over ws and msgpackr, and takes large messages from a bare socket: into
 * memory of their own as any receiver must, into none, and into memory of their own over TLS.
 */
const bytes = Number(process.argv[2]);
const key = Buffer.from(process.argv[3] ?? '', 'hex');
const packr = new Packr({ useRecords: false });
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', (frame: Buffer) => {
    const { id, args } = packr.unpack(frame);
    socket.send(packr.pack({ id, value: args[0] + args[1] }));
  });
});

function take(socket: Socket, keeps: boolean): void {
  let message = Buffer.allocUnsafeSlow(bytes);
  let taken = 0;
  socket.on('data', (chunk) => {
    if (keeps) message.set(chunk, taken);
    taken += chunk.length;
    if (taken < bytes) return;
    if (keeps) message = Buffer.allocUnsafeSlow(bytes);
    taken = 0;
    socket.write('.');
  });
}

const sinks = {
  kept: createSink({ noDelay: true }, (socket) => take(socket, true)),
  dropped: createSink({ noDelay: true }, (socket) => take(socket, false)),
  secure: createTlsSink({ ...serverTls({ kind: 'token', key }), noDelay: true }, (socket) => take(socket, true)),
};
const ports: Record<string, number> = {};
for (const [name, listener] of Object.entries<Server>({ calls: server, ...sinks })) {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  // It listens on a port.
  ports[name] = (listener.address() as AddressInfo).port;
}
process.send?.(ports);
process.once('disconnect', () => process.exit());
