import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BadRequestError, DashboardError } from './errors.ts';
import { loadPage, type PageFile } from './page-files.ts';
import { prometheusText } from './prometheus.ts';
import { RUN_ROUTES, summaryOf } from './routes.ts';
import { Run } from './run/run.ts';
import { runNames } from './run-names.ts';
import { Watchers } from './watchers.ts';

/** Settings of {@link serveDashboard}. */
export interface DashboardOptions {
  /** 0: any that is free. @default 0 */
  readonly port?: number;
  /** Nothing asks who looks: only this machine, unless you know who else can reach the address. @default '127.0.0.1' */
  readonly host?: string;
  /** Time between looks at the files while somebody watches, in ms. @default 500 */
  readonly intervalMs?: number;
}

/** A page of runs that is being served. */
export interface Dashboard extends AsyncDisposable {
  readonly url: string;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * Serves a page of runs: live plots, several runs side by side, their completions. Reads their files as they are written, in
 * this process; the runs themselves know nothing of it.
 *
 * @param folders - of the runs, with `metrics.jsonl`, and `completions.jsonl` and `config.yaml` where there are such.
 * @throws {DashboardError} when a folder is none, or the address cannot be used.
 */
export async function serveDashboard(
  folders: readonly string[],
  { port = 0, host = '127.0.0.1', intervalMs = 500 }: DashboardOptions = {},
): Promise<Dashboard> {
  const names = runNames(folders);
  const runs = new Map(folders.map((folder, i) => [names[i]!, new Run(folder, names[i]!)])); // a name a folder
  for (const run of runs.values()) run.refresh();
  const page = loadPage();
  const look = () => {
    const changed = [...runs.values()].filter((run) => run.refresh());
    return changed.length === 0 ? undefined : changed.map(summaryOf);
  };
  const watchers = new Watchers(look, intervalMs);
  const server = createServer((request, response) => {
    try {
      refuseStrangers(request, host);
      const url = new URL(request.url ?? '/', 'http://dashboard');
      if (url.pathname === '/v1/events') watchers.add(response);
      else {
        if (watchers.size === 0) look();
        const metrics = () => ({
          type: 'text/plain; version=0.0.4; charset=utf-8',
          body: prometheusText(runs.values()),
        });
        const file = url.pathname === '/metrics' ? metrics() : page.get(url.pathname);
        send(response, 200, file ?? asJson(answer(runs, url)));
      }
    } catch (error) {
      const status = error instanceof BadRequestError ? error.status : 500;
      send(response, status, asJson({ error: error instanceof Error ? error.message : String(error) }));
    }
  });
  server.listen({ port, host });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new DashboardError(`cannot listen on ${host}:${port}: ${(cause as Error).message}`, { cause });
  }
  const { port: bound } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/`,
    [Symbol.asyncDispose]: async () => {
      watchers.stop();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      for (const run of runs.values()) run[Symbol.dispose]();
    },
  };
}

/** A page of elsewhere may name this machine by a host of its own, and would read what is only for this machine. */
function refuseStrangers({ method, headers }: IncomingMessage, host: string): void {
  if (method !== 'GET') throw new BadRequestError(`${method} is not answered`, 405);
  if (LOOPBACK.test(host) && !LOOPBACK.test(headers.host ?? '')) throw new BadRequestError('not for other hosts', 403);
}

function answer(runs: ReadonlyMap<string, Run>, { pathname, searchParams }: URL): unknown {
  if (pathname === '/v1/runs') return [...runs.values()].map(summaryOf);
  const route = RUN_ROUTES[pathname];
  if (route === undefined) throw new BadRequestError(`there is no ${pathname}`, 404);
  const name = searchParams.get('run') ?? '';
  const run = runs.get(name);
  if (run === undefined) throw new BadRequestError(`there is no run ${name}`, 404);
  return route(run, searchParams);
}

const asJson = (value: unknown): PageFile => ({ type: 'application/json; charset=utf-8', body: JSON.stringify(value) });

function send(response: ServerResponse, status: number, { type, body }: PageFile): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
