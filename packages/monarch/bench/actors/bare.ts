import { createServer } from 'node:http';
import { Packr } from 'msgpackr';
import { WebSocketServer } from 'ws';

/** The control: a process that answers over ws and msgpackr, with nothing else in between. */
const packr = new Packr({ useRecords: false });
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', (frame: Buffer) => {
    const { id, args } = packr.unpack(frame);
    socket.send(packr.pack({ id, value: args[0] + args[1] }));
  });
});
server.listen(process.argv[2], () => process.send?.('ready'));
process.once('disconnect', () => process.exit());
