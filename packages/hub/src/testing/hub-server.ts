import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import type { HubKind } from '../hub-fetch.ts';

/** What goes wrong with the content of one file. */
export interface Fault {
  readonly file: string;
  /** The connection is cut after so many bytes of an answer. */
  readonly cutAfterBytes?: number;
  /** Nothing more is sent after so many bytes, and the connection stays. */
  readonly stallAfterBytes?: number;
  /** One byte is another. */
  readonly isDamaged?: boolean;
  /** An answer of this status instead of the content. */
  readonly status?: number;
  /** How often; then all is well. @default always */
  readonly times?: number;
}

export interface HubServerOptions {
  /** `owner/name` of the one repository. */
  readonly name: string;
  /** @default 'model' */
  readonly kind?: HubKind;
  /** The files of the branch `main`. */
  readonly folder: string;
  /** Folders of other branches; their files have names that no other branch has. @default none */
  readonly branches?: Readonly<Record<string, string>>;
  /** What the commit is hashed from: another one is another commit. @default 'first' */
  readonly version?: string;
  readonly faults?: readonly Fault[];
  /** Who has none is refused; `gated` even so. */
  readonly token?: string;
  readonly isGated?: boolean;
  /** Says of each file that it is so large. */
  readonly claimedBytes?: number;
  /** Answers of its API before the first good one. */
  readonly apiStatuses?: number[];
}

export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  /** Which of the two servers. */
  readonly at: 'hub' | 'storage';
}

export interface HubServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly commit: string;
  readonly requests: readonly SeenRequest[];
  /** Requests for content that were answered. */
  readonly contentRequests: () => readonly string[];
}

const sha = (algorithm: string, ...parts: (string | Buffer)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest('hex');

/** Files of that ending are kept in large file storage, at another origin. */
const isLarge = (name: string): boolean => /\.(safetensors|parquet|gz)$|^tokenizer\.json$/.test(name);

/**
 * A server that speaks the paths of the Hugging Face hub, with a second one as its storage of large files: revisions, trees,
 * `resolve` with ranges and redirects, the headers that clients read.
 */
export async function serveHub(options: HubServerOptions): Promise<HubServer> {
  const {
    name: repository,
    kind = 'model',
    folder,
    branches = {},
    version = 'first',
    faults = [],
    token,
    isGated = false,
    claimedBytes,
    apiStatuses = [],
  } = options;
  const served = await Promise.all(
    Object.entries({ main: folder, ...branches }).map(async ([branch, from]) => {
      const files = await contentsOf(from);
      return { branch, names: [...files.keys()], files, commit: sha('sha1', branch, version, ...files.values()) };
    }),
  );
  const contents = new Map(served.flatMap(({ files }) => [...files]));
  const { commit } = served[0]!; // of main
  const requests: SeenRequest[] = [];
  const answered: string[] = [];
  const faultsLeft = faults.map(({ times = Number.POSITIVE_INFINITY, ...fault }) => ({ ...fault, times }));

  const etag = (name: string): string => {
    const content = contents.get(name)!;
    return isLarge(name) ? sha('sha256', content) : sha('sha1', `blob ${content.length}\0`, content);
  };
  const see = (request: IncomingMessage, at: SeenRequest['at']): void => {
    const { authorization, range } = request.headers;
    requests.push({ path: request.url!, range, authorization, at });
  };
  const tree = (names: readonly string[]) =>
    names.map((path) => {
      const size = claimedBytes ?? contents.get(path)!.length;
      const lfs = isLarge(path) ? { lfs: { oid: etag(path), size, pointerSize: 130 } } : {};
      return { type: 'file', oid: isLarge(path) ? sha('sha1', path) : etag(path), size, path, ...lfs };
    });
  const send = (
    response: ServerResponse,
    status: number,
    json: unknown,
    headers: Record<string, string> = {},
  ): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json));
  };
  const refuse = (response: ServerResponse, status: number, code: string): void =>
    send(response, status, { error: code }, { 'x-error-code': code });

  const sendContent = (request: IncomingMessage, response: ServerResponse, name: string): void => {
    const content = contents.get(name)!;
    const [, from = '0', to = `${content.length - 1}`] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const isProbe = request.headers.range === 'bytes=0-0';
    const fault = isProbe ? undefined : faultsLeft.find((one) => one.file === name && one.times > 0);
    if (fault !== undefined) fault.times--;
    if (fault?.status !== undefined) {
      send(response, fault.status, { error: 'as the test wants it' });
      return;
    }
    let part = content.subarray(Number(from), Number(to) + 1);
    if (fault?.isDamaged) {
      part = Buffer.from(part);
      part[part.length >> 1]! ^= 1;
    }
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      'content-length': part.length,
      'content-range': `bytes ${from}-${to}/${content.length}`,
      'accept-ranges': 'bytes',
      etag: `"${etag(name)}"`,
      ...(isLarge(name) ? {} : { 'x-repo-commit': commit }),
    });
    if (!isProbe) answered.push(name);
    const sent = fault?.cutAfterBytes ?? fault?.stallAfterBytes;
    if (sent === undefined) response.end(part);
    else {
      response.write(part.subarray(0, sent), () => {
        if (fault?.cutAfterBytes !== undefined) response.destroy();
      });
    }
  };

  const storage = await start((request, response) => {
    see(request, 'storage');
    sendContent(request, response, decodeURIComponent(request.url!.slice(1)));
  });
  const hub = await start((request, response) => {
    see(request, 'hub');
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    const isApi = path.startsWith('/api/');
    const [, name, revision, file] = matchPath(path, kind) ?? [];
    const apiStatus = isApi ? apiStatuses.shift() : undefined;
    if (apiStatus !== undefined) return send(response, apiStatus, { error: 'as the test wants it' });
    // The hub does not tell what is not there from what this user may not see.
    if (name !== repository) return refuse(response, 401, 'RepoNotFound');
    if (token !== undefined && request.headers.authorization === undefined)
      return refuse(response, 401, 'RepoNotFound');
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return send(response, 401, { error: 'Invalid credentials' });
    }
    if (isGated && !isApi) return refuse(response, 403, 'GatedRepo');
    const at = served.find((one) => revision === one.branch || revision === one.commit);
    if (at === undefined) return refuse(response, 404, 'RevisionNotFound');
    if (path.startsWith(`/api/${kind}s/${name}/tree/`)) return send(response, 200, tree(at.names));
    if (isApi)
      return send(response, 200, {
        _id: '1',
        id: name,
        sha: at.commit,
        siblings: tree(at.names).map(({ path: rfilename }) => ({ rfilename })),
      });
    if (file === undefined || !contents.has(file)) return refuse(response, 404, 'EntryNotFound');
    if (!isLarge(file)) {
      if (request.method === 'HEAD') return void response.writeHead(200, headersOf(file)).end();
      return sendContent(request, response, file);
    }
    response.writeHead(302, { ...headersOf(file), location: `${storage.origin}/${file}` }).end();
  });
  const headersOf = (name: string): Record<string, string> => ({
    'x-repo-commit': commit,
    ...(isLarge(name)
      ? { 'x-linked-etag': `"${etag(name)}"`, 'x-linked-size': `${contents.get(name)!.length}` }
      : { etag: `"${etag(name)}"`, 'content-length': `${contents.get(name)!.length}` }),
  });
  return {
    endpoint: hub.origin,
    commit,
    requests,
    contentRequests: () => answered,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([hub.close(), storage.close()]);
    },
  };
}

/** The files below a folder, by the names that the hub gives them. */
async function contentsOf(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = paths
    .toSorted()
    .map(async (path) => [relative(folder, path).split(sep).join('/'), await readFile(path)] as const);
  return new Map(await Promise.all(contents));
}

/** Name, revision and file of a path of the API or of a file. */
function matchPath(path: string, kind: HubKind): RegExpExecArray | null {
  const page = kind === 'model' ? '' : `/${kind}s`;
  return (
    new RegExp(`^/api/${kind}s/([^/]+/[^/]+)/(?:revision|tree)/(refs/[^/]+/[^/]+|[^/]+)$`).exec(path) ??
    new RegExp(`^${page}/([^/]+/[^/]+)/resolve/(refs/[^/]+/[^/]+|[^/]+)/(.+)$`).exec(path)
  );
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

async function start(listener: Listener): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server: Server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const close = () =>
    new Promise<void>((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return { origin: `http://127.0.0.1:${address.port}`, close };
}
