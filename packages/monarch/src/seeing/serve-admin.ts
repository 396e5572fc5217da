import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AdminError, reasonText } from '../errors.ts';
import { currentOwner, program } from '../program/current-program.ts';
import type { Owned } from '../supervision/owner.ts';
import type { AdminSource, Answer } from './admin-routes.ts';
import type { ProcessReport } from './process-report.ts';

/** Where and to whom a program is shown. */
export interface AdminOptions {
  /** 0: any that is free. @default 0 */
  readonly port?: number;
  /** Beyond this machine only with a token. @default '127.0.0.1' */
  readonly host?: string;
  /** Asked for in each request, as `Authorization: Bearer …` or `?token=…`. @default none */
  readonly token?: string;
  /** Time for processes to answer; the others are shown as silent. @default 1_000 */
  readonly deadlineMs?: number;
}

/** A program that can be looked at. */
export interface AdminServer extends AsyncDisposable {
  /** Of the live page. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Requests within this time share one look at the program. */
const FRESH_MS = 200;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/;

/**
 * Shows the program: a live page at `/`, its data at `/v1/tree` and `/v1/{id}`, metrics for Prometheus at `/metrics`.
 * It is stopped with its owner, and does not keep the program running.
 *
 * @throws {AdminError} when the address cannot be used, or is open to other machines without a token.
 */
export async function serveAdmin(options: AdminOptions = {}): Promise<AdminServer> {
  const { port = 0, host = '127.0.0.1', token, deadlineMs = 1_000 } = options;
  if (token === '') throw new AdminError(host, port, 'its token is empty.');
  if (token === undefined && !LOOPBACK.test(host)) {
    throw new AdminError(host, port, 'other machines could reach it. Give it a token.');
  }
  if (!(deadlineMs > 0)) throw new RangeError(`deadlineMs is ${deadlineMs}. It must be positive.`);
  const owner = currentOwner('serveAdmin');
  const shown = program();
  const source: AdminSource = { look: sharedLook(async () => await shown.look(deadlineMs)), ended: () => shown.ended };
  const [{ adminAnswer }, { adminPage }, { createServer }] = await Promise.all([
    import('./admin-routes.ts'),
    import('./admin-page.ts'),
    import('node:http'),
  ]);
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://admin');
    const refusal = refused(request, searchParams.get('token'), host, token);
    if (refusal !== undefined) return send(response, refusal);
    if (pathname === '/') return sendPage(response, adminPage);
    adminAnswer(source, pathname).then(
      (answer) => send(response, answer),
      (error) => send(response, { status: 500, type: 'text/plain; charset=utf-8', body: `${reasonText(error)}\n` }),
    );
  });
  // Who looks must not keep the program running.
  server.on('connection', (socket) => socket.unref());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new AdminError(host, port, reasonText(cause), { cause })));
    server.listen({ port, host }, resolve);
  });
  server.unref();
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    stopped ??= new Promise<void>((resolve) => {
      owner.owned.delete(owned);
      server.close(() => resolve());
      server.closeAllConnections();
    });
    await stopped;
  };
  const owned: Owned = { stop };
  owner.owned.add(owned);
  // A server that listens at a port has an address with one.
  const { port: given } = server.address() as AddressInfo;
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return { url: `http://${name}:${given}/`, stop, [Symbol.asyncDispose]: stop };
}

/** The address in `host:port`, `port`, or `[::1]:port`. @throws {RangeError} */
export function adminAddress(text: string): Required<Pick<AdminOptions, 'host' | 'port'>> {
  const [, bracketed, host, port] = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new RangeError('it is no address. Give host:port, such as 127.0.0.1:0.');
  return { host: bracketed ?? host ?? '127.0.0.1', port: Number(port) };
}

/** Looks once for all who ask at about the same time. */
function sharedLook(look: () => Promise<ProcessReport>): () => Promise<ProcessReport> {
  let latest: Promise<ProcessReport> | undefined;
  return async () => {
    if (latest === undefined) {
      latest = look();
      const forget = () => {
        setTimeout(() => {
          latest = undefined;
        }, FRESH_MS).unref();
      };
      latest.then(forget, forget);
    }
    return await latest;
  };
}

function refused(
  { method, headers }: IncomingMessage,
  asked: string | null,
  host: string,
  token: string | undefined,
): Answer | undefined {
  const answer = (status: number, body: string) => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });
  if (method !== 'GET' && method !== 'HEAD') return answer(405, 'Everything here is read with GET.');
  if (token === undefined) {
    // A page of another site must not read this one under a name of its own.
    const name = (headers.host ?? '').replace(/:\d+$/, '');
    return LOOPBACK.test(name) || name === host ? undefined : answer(403, `This is not ${name}.`);
  }
  const given = asked ?? headers.authorization?.replace(/^Bearer /, '') ?? '';
  const [one, other] = [Buffer.from(given), Buffer.from(token)];
  const isRight = one.length === other.length && timingSafeEqual(one, other);
  return isRight ? undefined : answer(401, 'Give the token, as Authorization: Bearer or ?token=.');
}

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type }).end(body);
}

function sendPage(response: ServerResponse, page: (nonce: string) => string): void {
  const nonce = crypto.randomUUID();
  const policy = `default-src 'none'; connect-src 'self'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  response
    .writeHead(200, { ...HEADERS, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy })
    .end(page(nonce));
}
