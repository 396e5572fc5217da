import { createServer } from 'node:http';
import { Packr } from 'msgpackr';
import { WebSocketServer } from 'ws';
import { spin } from './spin.ts';

/** The control: a process that answers over ws and msgpackr, with nothing else in between. */
const packr = new Packr({ useRecords: false });
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', (frame: Buffer) => {
    const { id, endpoint, args } = packr.unpack(frame);
    if (endpoint === 'spin') spin(args[0]);
    socket.send(packr.pack({ id, value: endpoint === 'add' ? args[0] + args[1] : 0 }));
  });
});
server.listen(process.argv[2], () => process.send?.('ready'));
process.once('disconnect', () => process.exit());
