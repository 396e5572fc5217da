import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Tokenizer } from '@forge/models';
import { encodePrompt } from '../engine/prompt.ts';
import type { OpenedModel } from '../open-model.ts';
import { accessCheck } from './access.ts';
import { answer } from './answer.ts';
import { ApiError, apiErrorOf, sendError } from './api-error.ts';
import type { ApiRequest, ReadRequest } from './api-request.ts';
import { readChatRequest } from './chat-completions.ts';
import { readBody } from './read-body.ts';
import { MAX_COMPLETIONS_A_PROMPT } from './sampling-fields.ts';
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

/** What is at a path. */
interface Route {
  readonly method: 'GET' | 'POST';
  respond(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Serves a model, which stays the caller's, until the server is closed. */
export async function serve(model: OpenedModel, options: ServeOptions = {}): Promise<CompletionServer> {
  const { name = model.name, host = '127.0.0.1', port = 0, apiKeys = [] } = options;
  const checkAccess = accessCheck(apiKeys);
  const stopping = new AbortController();
  const metrics = new ServerMetrics(model.engine, name);
  const routes = routesOf(model, metrics, { ...options, name, stopped: stopping.signal });
  const inProgress = new Set<Promise<void>>();
  let isClosing = false;

  const respond = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const route = routes[path];
    if (route && request.method !== route.method) {
      throw new ApiError(405, 'method_not_allowed', `${path} takes ${route.method}, not ${request.method}.`);
    }
    if (path.startsWith('/v1/')) checkAccess(request);
    if (isClosing) throw new ApiError(503, 'stopped', 'The server is stopping.');
    if (!route) throw new ApiError(404, 'not_found', `There is nothing at ${path}.`);
    await route.respond(request, response);
  };

  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '/';
    const running = respond(path, request, response)
      .catch((error: unknown) => {
        if (!response.headersSent && !response.destroyed) sendError(response, apiErrorOf(error));
      })
      .finally(() => {
        metrics.answered(path in routes ? path : 'other', response.statusCode);
        inProgress.delete(running);
      });
    inProgress.add(running);
  });
  server.listen(port, host);
  await once(server, 'listening');
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
  return { url: urlOf(server.address() as AddressInfo), close, [Symbol.asyncDispose]: () => close() }; // listens on a port
}

interface Surrounding extends ServeOptions {
  readonly name: string;
  /** Gives up what runs. */
  readonly stopped: AbortSignal;
}

/** Everything there is, by its path. */
function routesOf(
  model: OpenedModel,
  metrics: ServerMetrics,
  { name, maxWaiting = DEFAULT_MAX_WAITING, maxBodyBytes = DEFAULT_MAX_BODY_BYTES, stopped }: Surrounding,
): Readonly<Record<string, Route>> {
  const { engine } = model;
  const encode = (text: string) => encodePrompt(text, model.tokenizer, engine.maxModelLength);
  const tokenizer: Tokenizer = { ...model.tokenizer, encode };
  const created = Math.floor(Date.now() / 1000);

  const completions = (read: ReadRequest): Route => ({
    method: 'POST',
    respond: async (request, response) => {
      const asked = read(await readBody(request, maxBodyBytes), tokenizer);
      if (asked.model !== name) {
        const problem = `There is no model '${asked.model}' here, only '${name}'.`;
        throw new ApiError(404, 'model_not_found', problem, { param: 'model' });
      }
      if (engine.numWaiting >= maxWaiting) {
        const problem = `${engine.numWaiting} sequences wait already, and ${maxWaiting} may. Try again later.`;
        throw new ApiError(429, 'too_many_requests', problem, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      checkNumCompletions(asked, Math.max(maxWaiting, MAX_COMPLETIONS_A_PROMPT));
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const answered = await answer(asked, model, response, AbortSignal.any([gone.signal, stopped]));
      for (const finished of answered) metrics.completed(finished);
    },
  });

  const page = (contentType: string, text: () => string | Promise<string>): Route => ({
    method: 'GET',
    respond: async (_, response) => {
      const body = await text();
      response.writeHead(200, { 'content-type': contentType });
      response.end(body);
    },
  });
  const json = (body: () => object) => page('application/json', () => JSON.stringify(body()));

  return {
    '/v1/completions': completions(readTextRequest),
    '/v1/chat/completions': completions(readChatRequest),
    '/v1/models': json(() => ({ object: 'list', data: [{ id: name, object: 'model', created, owned_by: 'forge' }] })),
    '/health': json(() => ({ status: 'ok', version: engine.version })),
    '/metrics': page(metrics.contentType, () => metrics.text()),
  };
}

/** Refuses a request that would fill the queue alone. @throws {ApiError} */
function checkNumCompletions({ prompts, sampling: { n = 1 } }: ApiRequest, most: number): void {
  const numAsked = prompts.length * n;
  if (numAsked <= most) return;
  const problem = `${prompts.length} prompts with n ${n} are ${numAsked} completions, and a request may ask for ${most}.`;
  throw new ApiError(400, 'invalid_value', problem, { param: prompts.length > most ? 'prompt' : 'n' });
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
