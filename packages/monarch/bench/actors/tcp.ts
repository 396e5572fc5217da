import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSink } from 'node:net';
import { Packr } from 'msgpackr';
import { WebSocketServer } from 'ws';

/** The control over TCP: answers small calls over ws and msgpackr, and takes bytes over a bare socket. */
const bytes = Number(process.argv[2]);
const packr = new Packr({ useRecords: false });
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', (frame: Buffer) => {
    const { id, args } = packr.unpack(frame);
    socket.send(packr.pack({ id, value: args[0] + args[1] }));
  });
});
const sink = createSink({ noDelay: true }, (socket) => {
  let taken = 0;
  socket.on('data', (chunk) => {
    taken += chunk.length;
    if (taken < bytes) return;
    taken -= bytes;
    socket.write('.');
  });
});
server.listen(0, '127.0.0.1', () =>
  sink.listen(0, '127.0.0.1', () =>
    process.send?.([server, sink].map((listening) => (listening.address() as AddressInfo).port)),
  ),
);
process.once('disconnect', () => process.exit());
