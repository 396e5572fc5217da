import { setTimeout as delay } from 'node:timers/promises';
import { HubAccessError, HubDownloadError, HubNotFoundError } from './errors.ts';
import type { HubSettings } from './hub-settings.ts';

/** What the hub keeps, in the words of its addresses. */
export type HubKind = 'model' | 'dataset';

/** Which repository a request is about. */
export interface HubRepository {
  readonly kind: HubKind;
  /** `owner/name`. */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** Answers that mean "later". */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

const firstRetryMs = 500;

/**
 * A `fetch` for the hub: its token goes to the hub alone, and what is not an answer is a typed error.
 *
 * The library's own handling of tokens is not used: it refuses those of other hubs, and sends them where a file is redirected.
 *
 * @throws {HubNotFoundError} {HubAccessError} {HubDownloadError} by the hub's answer.
 */
export function hubFetch(
  repository: HubRepository,
  { endpoint, token }: HubSettings,
  signal: AbortSignal,
): typeof fetch {
  const { origin } = new URL(endpoint);
  return async (input, init) => {
    const request = new Request(input, { ...init, signal });
    if (token !== undefined && new URL(request.url).origin === origin) {
      request.headers.set('authorization', `Bearer ${token}`);
    }
    const response = await fetch(request).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw unreachable(repository.name, `${origin} cannot be reached (${reasonOf(cause)})`, cause);
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw failureOf(repository, { endpoint, token }, response);
  };
}

/** Runs `attempt` again after failures that pass, each wait twice the one before. */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  { retries }: Pick<HubSettings, 'retries'>,
  signal: AbortSignal,
): Promise<Result> {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      const mayPass = error instanceof HubDownloadError && error.reason === 'unreachable';
      if (!mayPass || tried >= retries) throw error;
      await delay(firstRetryMs * 2 ** tried, undefined, { signal });
    }
  }
}

function unreachable(repository: string, what: string, cause?: unknown): HubDownloadError {
  const advice = 'Check the network and HF_ENDPOINT, or give the folder of a copy on this machine';
  return new HubDownloadError({ repository, reason: 'unreachable', what: `${what}. ${advice}.`, cause });
}

/** Undici says "fetch failed" and keeps the reason in a cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown }; // property access is safe on what was thrown
  const { code, message } = cause as NodeJS.ErrnoException;
  return code ?? message;
}

/** Source: huggingface_hub `_http.py`, `hf_raise_for_status`. */
function failureOf(
  { kind, name, revision }: HubRepository,
  { endpoint, token }: Pick<HubSettings, 'endpoint' | 'token'>,
  { status, headers }: Response,
): Error {
  const reason = headers.get('x-error-code');
  const page = `${endpoint}/${kind === 'model' ? '' : `${kind}s/`}${name}`;
  const setToken = 'set HF_TOKEN to a token that may read it';
  if (reason === 'GatedRepo') {
    const what = `the ${kind} is gated. Ask for access at ${page}, then ${setToken}.`;
    return new HubAccessError({ repository: name, status, what });
  }
  if (reason === 'RevisionNotFound')
    return new HubNotFoundError({ repository: name, what: `has no revision ${revision}` });
  if (reason === 'RepoNotFound' || status === 404 || (status === 401 && token === undefined)) {
    const what = `is not at ${page}, and no folder here has that name. If the ${kind} is private, ${setToken}`;
    return new HubNotFoundError({ repository: name, what });
  }
  if (status === 401 || status === 403) {
    const what = `${endpoint} refused the token (status ${status}). Check that it is valid and may read ${page}.`;
    return new HubAccessError({ repository: name, status, what });
  }
  if (TRANSIENT.has(status)) return unreachable(name, `${endpoint} answers with status ${status}`);
  return new HubDownloadError({
    repository: name,
    reason: 'refused',
    what: `${endpoint} answers with status ${status}.`,
  });
}
