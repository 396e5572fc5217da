import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OpenedModel } from '../open-model.ts';
import { accessCheck } from './access.ts';
import { answer } from './answer.ts';
import { ApiError, apiErrorOf, sendError } from './api-error.ts';
import type { ReadRequest } from './api-request.ts';
import { readChatRequest } from './chat-completions.ts';
import { readBody } from './read-body.ts';
import { ServerMetrics } from './server-metrics.ts';
import { readTextRequest } from './text-completions.ts';

/** Where and for whom a model is served. */
export interface ServeOptions {
  /** What requests call the model. @default the name of its folder */
  readonly name?: string;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** 0 takes a free one. @default 0 */
  readonly port?: number;
  /** Keys that `/v1/…` asks for; none: everybody who reaches the port may ask. @default [] */
  readonly apiKeys?: readonly string[];
  /** Sequences that may wait for a slot; a request beyond them is answered with 429. @default 1024 */
  readonly maxWaiting?: number;
  /** @default 8 MiB */
  readonly maxBodyBytes?: number;
}

/** A model behind OpenAI's HTTP API. */
export interface CompletionServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Takes no more requests, lets those in progress finish for so long, gives up the rest. @default graceMs 0 */
  close(graceMs?: number): Promise<void>;
}

const DEFAULT_MAX_WAITING = 1024;
const DEFAULT_MAX_BODY_BYTES = 8 * 2 ** 20;
/** A client that was refused because of too many requests tries again after this. */
const RETRY_AFTER_SECONDS = 1;

const completionRoutes: Readonly<Record<string, ReadRequest>> = {
  '/v1/completions': readTextRequest,
  '/v1/chat/completions': readChatRequest,
};

/** Serves a model, which stays the caller's, until the server is closed. */
export async function serve(
  model: OpenedModel,
  {
    name = model.name,
    host = '127.0.0.1',
    port = 0,
    apiKeys = [],
    maxWaiting = DEFAULT_MAX_WAITING,
    maxBodyBytes = DEFAULT_MAX_BODY_BYTES,
  }: ServeOptions = {},
): Promise<CompletionServer> {
  const { engine, tokenizer } = model;
  const metrics = new ServerMetrics(engine);
  const checkAccess = accessCheck(apiKeys);
  const created = Math.floor(Date.now() / 1000);
  const stopping = new AbortController();
  const inProgress = new Set<Promise<void>>();
  let isClosing = false;

  const complete = async (read: ReadRequest, request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request, maxBodyBytes);
    const asked = read(body, tokenizer);
    if (asked.model !== name) {
      throw new ApiError(404, 'model_not_found', `There is no model '${asked.model}' here, only '${name}'.`, {
        param: 'model',
      });
    }
    if (engine.numWaiting >= maxWaiting) {
      const problem = `${engine.numWaiting} sequences wait already, and ${maxWaiting} may. Try again later.`;
      throw new ApiError(429, 'too_many_requests', problem, { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    for (const completions of await answer(asked, model, response, AbortSignal.any([gone.signal, stopping.signal]))) {
      metrics.completed(completions);
    }
  };

  const route = async (request: IncomingMessage, response: ServerResponse, path: string) => {
    const json = (body: object) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const read = completionRoutes[path];
    const expected = read ? 'POST' : 'GET';
    if (request.method !== expected && (read || path in pages)) {
      throw new ApiError(405, 'method_not_allowed', `${path} takes ${expected}, not ${request.method}.`);
    }
    if (path.startsWith('/v1/')) checkAccess(request);
    if (isClosing) throw new ApiError(503, 'stopped', 'The server is stopping.');
    if (read) return complete(read, request, response);
    const page = pages[path];
    if (!page) throw new ApiError(404, 'not_found', `There is nothing at ${path}.`);
    const body = await page();
    if (typeof body === 'object') return json(body);
    response.writeHead(200, { 'content-type': metrics.contentType });
    response.end(body);
  };

  const pages: Readonly<Record<string, () => object | Promise<string>>> = {
    '/v1/models': () => ({ object: 'list', data: [{ id: name, object: 'model', created, owned_by: 'forge' }] }),
    '/health': () => ({ status: 'ok', version: engine.version }),
    '/metrics': () => metrics.text(),
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://local');
    const running = route(request, response, pathname)
      .catch((error: unknown) => {
        if (!response.headersSent && !response.destroyed) sendError(response, apiErrorOf(error));
      })
      .finally(() => {
        const isKnown = pathname in completionRoutes || pathname in pages;
        metrics.answered(isKnown ? pathname : 'other', response.statusCode);
        inProgress.delete(running);
      });
    inProgress.add(running);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo; // listens on a port
  const close = async (graceMs = 0) => {
    if (!isClosing) {
      isClosing = true;
      server.close();
      const timer = setTimeout(() => stopping.abort(), graceMs);
      await Promise.allSettled(inProgress);
      clearTimeout(timer);
      server.closeAllConnections();
    }
    if (server.listening) await once(server, 'close');
  };
  const urlHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${urlHost}:${address.port}`, close, [Symbol.asyncDispose]: () => close() };
}
