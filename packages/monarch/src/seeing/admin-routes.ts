import type { ProcessReport } from './process-report.ts';
import { findNode, programTree } from './program-tree.ts';

/** What is answered to a request. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What the routes show. */
export interface AdminSource {
  /** How the program is now. */
  readonly look: () => Promise<ProcessReport>;
  /** Why it ends, if it does. */
  readonly ended: () => string | undefined;
}

type Route = (source: AdminSource, id: string) => Promise<Answer>;

const json = (body: unknown, status = 200): Answer => {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` };
};

const ROUTES: readonly (readonly [path: RegExp, route: Route])[] = [
  [/^\/v1\/tree$/, async ({ look }) => json(programTree(await look()))],
  [
    /^\/v1\/((?:0|h\d+)(?:\.\d+)*(?:\/\d+)?)$/,
    async ({ look }, id) => {
      const node = findNode(programTree(await look()), id);
      return node === undefined ? json({ error: `There is no process or actor ${id}.` }, 404) : json(node);
    },
  ],
  [
    /^\/metrics$/,
    async ({ look }) => {
      const { metricsText } = await import('./metrics.ts');
      return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await metricsText(await look()) };
    },
  ],
  [
    /^\/healthz$/,
    async ({ ended }) => {
      const reason = ended();
      return reason === undefined ? json({ status: 'ok' }) : json({ status: 'ending', reason }, 503);
    },
  ],
];

/** Answers a request for data. */
export async function adminAnswer(source: AdminSource, path: string): Promise<Answer> {
  for (const [form, route] of ROUTES) {
    const found = form.exec(path);
    if (found !== null) return await route(source, found[1] ?? '');
  }
  return json({ error: `There is nothing at ${path}. Try /, /v1/tree, /v1/0, /metrics or /healthz.` }, 404);
}
