import { connect, type Socket } from 'node:net';
import type { Dialling } from '../wire/connection.ts';
import { HANDSHAKE_MS } from '../wire/sessions.ts';
import { socketConnection } from '../wire/socket-connection.ts';
import { parseAddress } from './address.ts';
import { clientTls } from './credentials.ts';
import { ANSWER, connectionKey, writePrologue } from './prologue.ts';
import type { Route } from './route.ts';

const NOTHING = new Uint8Array(0);

/** Opens a connection to a process of another machine: the daemon there hands it to the process, and both prove themselves. */
export function dialHost({ address, credentials, program, partitionTimeoutMs }: Route, id: string, dialling: Dialling) {
  const stream = connect({ ...parseAddress(address, 'address'), noDelay: true });
  let current: Socket = stream;
  let timer: NodeJS.Timeout;
  let reason = `${address} ended the connection.`;
  const limit = (limitMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => current.destroy(new Error(`${address} does not answer.`)), limitMs);
  };
  const onError = (error: Error) => {
    reason = error.message;
  };
  const onClose = () => refuse(false, reason);
  const watch = (socket: Socket) => {
    current = socket.on('error', onError).once('close', onClose);
  };
  const leave = () => {
    clearTimeout(timer);
    current.off('error', onError).off('close', onClose);
  };
  const refuse = (gone: boolean, why: string) => {
    leave();
    current.on('error', () => {}).destroy();
    dialling.onRefused({ gone, reason: why });
  };
  const opened = () => {
    leave();
    dialling.onOpen(socketConnection(current, { isClient: true, rest: NOTHING }, dialling));
  };
  limit(partitionTimeoutMs);
  watch(stream);
  stream.once('connect', () => {
    // The process may be busy: whether its machine is there is watched elsewhere.
    limit(HANDSHAKE_MS);
    stream.write(writePrologue(program, id));
    stream.once('data', (answer) => {
      if (answer[0] === ANSWER.gone) return refuse(true, `process ${id} has ended.`);
      if (answer[0] !== ANSWER.ready || answer.length > 1) return refuse(false, `${address} gave an unknown answer.`);
      if (credentials.kind === 'none') return opened();
      stream
        .off('error', onError)
        .off('close', onClose)
        .on('error', () => {});
      // Loaded by those who need it: it makes the start of a process slower.
      const tls = process.getBuiltinModule('node:tls');
      watch(tls.connect({ ...clientTls(connectionKey(program)), socket: stream, servername: '' }));
      current.once('secureConnect', opened);
    });
  });
}
