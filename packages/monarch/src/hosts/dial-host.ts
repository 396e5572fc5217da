import { connect, isIP, type Socket } from 'node:net';
import type { Dialling } from '../wire/connection.ts';
import { openSocket } from '../wire/socket-opening.ts';
import { parseAddress } from './address.ts';
import { clientTls } from './credentials.ts';
import { ROUTES } from './protocol.ts';
import type { Route } from './route.ts';

/** Opens a connection to a process of another machine, by the daemon there. */
export function dialHost({ address, credentials, program, partitionTimeoutMs }: Route, id: string, dialling: Dialling) {
  const { host, port } = parseAddress(address, 'address');
  const tls = clientTls(credentials);
  const servername = isIP(host) === 0 ? host : '';
  const stream: Socket =
    tls === undefined
      ? connect({ host, port })
      : // Loaded by those who need it: it makes the start of a process slower.
        process.getBuiltinModule('node:tls').connect({ ...tls, host, port, servername });
  stream.setNoDelay(true);
  const timer = setTimeout(() => stream.destroy(new Error(`${address} does not answer.`)), partitionTimeoutMs);
  let reason = `${address} ended the connection.`;
  const onError = (error: Error) => {
    reason = error.message;
  };
  const onClose = () => {
    clearTimeout(timer);
    dialling.onRefused({ gone: false, reason });
  };
  stream.on('error', onError);
  stream.once('close', onClose);
  stream.once(tls === undefined ? 'connect' : 'secureConnect', () => {
    clearTimeout(timer);
    stream.off('error', onError).off('close', onClose);
    openSocket(stream, { host: address, path: ROUTES.process(program, id) }, dialling);
  });
}
