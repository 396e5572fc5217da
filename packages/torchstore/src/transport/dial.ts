import { randomBytes } from 'node:crypto';
import type { NetConnectOpts } from 'node:net';
import { isIP } from 'node:net';
import { acceptOf, HandshakeReader, type HttpHead, subprotocol, writeHead } from './handshake.ts';
import { connectStream, type Intake, type OpenedStream } from './stream.ts';
import type { VolumeAddress } from './transport.ts';

/** What a client says about itself when it connects. */
export interface Introduction {
  readonly session: string;
  /** The process, as `ownerText` writes it. */
  readonly owner: string;
  /** The session has been connected before: another connection goes on with it. */
  readonly isResumed: boolean;
  readonly timeoutMs: number;
}

/** What came of dialling. */
export type Dialled =
  | ({ readonly isOpen: true } & OpenedStream)
  | { readonly isOpen: false; readonly isFinal: boolean; readonly reason: string; readonly cause: unknown };

/** Nobody listens there, and nobody will: a volume never comes back to an address. */
const finalErrors: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EACCES']);

/** Opens a stream to a volume and shakes hands. */
export function dial(address: VolumeAddress, introduction: Introduction): Promise<Dialled> {
  const { promise, resolve } = Promise.withResolvers<Dialled>();
  const key = randomBytes(16).toString('base64');
  const settle = (outcome: Dialled) => {
    clearTimeout(timer);
    if (!outcome.isOpen) stream.destroy();
    resolve(outcome);
  };
  const fail = (reason: string, { isFinal = false, cause }: { readonly isFinal?: boolean; readonly cause?: unknown }) =>
    settle({ isOpen: false, isFinal, reason, cause });
  const timer = setTimeout(
    () => fail(`it did not accept within ${introduction.timeoutMs} ms`, {}),
    introduction.timeoutMs,
  );
  const intake: Intake = {
    sink: new HandshakeReader((head, rest) => {
      const refusal = refusalOf(head, key);
      if (refusal !== undefined) fail(refusal, { isFinal: true });
      else settle({ isOpen: true, stream, intake, rest });
    }),
  };
  const url = new URL(address.url);
  const tls = url.protocol === 'wss:' ? { ca: address.ca } : undefined;
  const stream = connectStream({ ...targetOf(url), tls }, intake);
  stream.setNoDelay(true);
  // Answered by the kernel, not by a busy process: a host that vanished is noticed within half a minute.
  stream.setKeepAlive(true, 15_000);
  stream.once('error', (cause) => {
    const code = 'code' in cause ? cause.code : undefined;
    fail(cause.message, { isFinal: finalErrors.has(code) || isCertificateError(code), cause });
  });
  stream.once('close', () => fail('the connection was cut in the handshake', {}));
  stream.once(tls === undefined ? 'connect' : 'secureConnect', () => {
    stream.write(request(url, key, address.token, introduction));
  });
  return promise;
}

function isCertificateError(code: unknown): boolean {
  return typeof code === 'string' && /CERT|ERR_TLS|ERR_SSL/.test(code);
}

function targetOf({ protocol, pathname, hostname, port }: URL): NetConnectOpts {
  if (protocol === 'ws+unix:') return { path: decodeURIComponent(pathname) };
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(port), ...(isIP(host) === 0 && { servername: host }) };
}

function request(url: URL, key: string, token: string, { session, owner, isResumed }: Introduction): string {
  return writeHead(`GET /${session}${isResumed ? '?resume' : ''} HTTP/1.1`, {
    Host: url.host === '' ? 'localhost' : url.host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Protocol': subprotocol,
    Authorization: `Bearer ${token}`,
    'Forge-Owner': owner,
  });
}

/** Why an answer does not open the connection; undefined when it does. */
function refusalOf(head: HttpHead | undefined, key: string): string | undefined {
  if (head === undefined) return 'what answers there is no volume';
  const { line, headers } = head;
  const [, status] = line.split(' ');
  if (status === '101' && headers.get('sec-websocket-accept') === acceptOf(key)) return undefined;
  return headers.get('forge-reason') ?? `it answered '${line}'`;
}
