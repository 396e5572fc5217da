import { ServiceOptionsError } from '../errors.ts';
import type { PlanOptions } from './plan.ts';
import type { RoutingKey } from './rendezvous.ts';
import { consistentHash, ROUTERS, type Router, type RouterName } from './router.ts';

/** Options of calls in a session, given by `.with(…)`. */
export interface SessionRouteOptions {
  /** Deadline, from the call on: time in the queue counts. @default the endpoint's own `timeoutMs`, if any */
  readonly timeoutMs?: number;
  /** Cancels the call, wherever it is. */
  readonly signal?: AbortSignal;
  /** Of those that wait, the highest goes first, and the oldest of one priority. @default 0 */
  readonly priority?: number;
  /** It may run twice: it is repeated when its replica is lost. @default as the endpoint is declared */
  readonly idempotent?: boolean;
}

/** Options of calls, given by `.with(…)`. In a session the session decides where they go. */
export interface RouteOptions extends SessionRouteOptions {
  /** Which replica gets the call. @default the `router` of the service */
  readonly router?: RouterName | Router;
  /** Calls with the same key go to the same replica, as long as it is there. */
  readonly key?: RoutingKey;
}

/** The longest time that a timer can wait for. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

type Check = (value: unknown) => string | undefined;

/** What each option must be; the answer is what is wrong with it. */
const CHECKS: Readonly<Record<keyof RouteOptions, Check>> = {
  timeoutMs: (value) =>
    typeof value === 'number' && value > 0 && value <= MAX_TIMEOUT_MS
      ? undefined
      : `It must be above 0 and at most ${MAX_TIMEOUT_MS}. Leave it out for no limit.`,
  signal: (value) => (value instanceof AbortSignal ? undefined : 'It must be an AbortSignal.'),
  priority: (value) => (Number.isFinite(value) ? undefined : 'It must be a finite number.'),
  idempotent: (value) => (typeof value === 'boolean' ? undefined : 'It must be true or false.'),
  router: checkRouter,
  key: (value) =>
    ['string', 'number', 'bigint'].includes(typeof value) ? undefined : 'It must be a string, number or bigint.',
};

function checkRouter(value: unknown): string | undefined {
  if (typeof value === 'function' || (typeof value === 'string' && Object.hasOwn(ROUTERS, value))) return undefined;
  return `It must be one of ${Object.keys(ROUTERS).join(', ')}, or a function.`;
}

/** The router of a service. @throws {ServiceOptionsError} when there is none of that name. */
export function routerOf(router: RouterName | Router): Router {
  const problem = checkRouter(router);
  if (problem !== undefined) throw new ServiceOptionsError('router', router, problem);
  return typeof router === 'function' ? router : ROUTERS[router];
}

/** Routers that do not look at keys. */
const KEYLESS: ReadonlySet<unknown> = new Set([ROUTERS.roundRobin, ROUTERS.leastLoaded, ROUTERS.powerOfTwo]);

/** Options of a call over those it had. @throws {ServiceOptionsError} on one that does not exist, or cannot be so. */
export function withOptions(before: RouteOptions, options: RouteOptions): RouteOptions {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof RouteOptions] : undefined;
    if (check === undefined) {
      throw new ServiceOptionsError(name, value, `A call has ${Object.keys(CHECKS).join(', ')}.`, 'No such option.');
    }
    const problem = value === undefined ? undefined : check(value);
    if (problem !== undefined) throw new ServiceOptionsError(name, value, problem);
  }
  const merged = { ...before, ...options };
  const { key, router } = merged;
  if (key !== undefined && router !== undefined && KEYLESS.has(routerOf(router))) {
    const advice = 'Leave out one of them.';
    throw new ServiceOptionsError('key', key, advice, `${String(router)} does not look at the key ${key}.`);
  }
  return merged;
}

/** How calls with these options are routed, in a service whose own router is `ofService`. */
export function planOptions(endpoint: string, { router, ...options }: RouteOptions, ofService: Router): PlanOptions {
  const own = router === undefined ? ofService : routerOf(router);
  return { endpoint, ...options, router: options.key !== undefined && KEYLESS.has(own) ? consistentHash : own };
}
