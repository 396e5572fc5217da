import { AsyncLocalStorage } from 'node:async_hooks';
import { type EndpointCard, unsendable } from '@forge/monarch';
import { FanoutError, type FanoutOutcome, ServiceOptionsError, SessionClosedError } from './errors.ts';
import type { ReplicaControls, Service, ServiceControls, Session, SessionControls, ShutdownOptions } from './handle.ts';
import { checkDelay } from './options.ts';
import type { ReplicaSet } from './replicas/replica-set.ts';
import type { RouteOptions } from './routing/request.ts';
import type { StickySession } from './routing/session.ts';
import { metricsOf, stateOf } from './snapshot.ts';

type Endpoints = ReadonlyMap<string, EndpointCard>;
type MakeEndpoint = (name: string, options: RouteOptions) => object;

function checked(limits: RouteOptions): RouteOptions {
  checkDelay('timeoutMs', limits.timeoutMs ?? 0);
  return limits;
}

/** What a handle is, for messages. */
interface Described {
  readonly service: string;
  readonly kind: 'service' | 'session';
}

/** Adds an object for each endpoint that has one answer. @throws {ServiceOptionsError} when a control has its name. */
function withEndpoints(
  controls: object,
  endpoints: Endpoints,
  make: MakeEndpoint,
  { service, kind }: Described,
): object {
  for (const [name, card] of endpoints) {
    if (card.kind === 'stream') continue;
    if (name in controls) {
      const taken = `${service} has an endpoint named ${name}, and a ${kind} answers to that name itself.`;
      throw new ServiceOptionsError('endpoint', name, 'Rename the endpoint.', taken);
    }
    const { timeoutMs } = card;
    Object.assign(controls, { [name]: make(name, timeoutMs === undefined ? {} : { timeoutMs }) });
  }
  const what = kind === 'service' ? `the service ${service}` : `a session of the service ${service}`;
  const value = `it is ${what}, which stays in the process that started it. Send a mesh of asActor, or plain data.`;
  return Object.freeze(Object.defineProperty(controls, unsendable, { value }));
}

/** Makes the handle of a session. */
function sessionHandle<T>(replicas: ReplicaSet, session: StickySession, endpoints: Endpoints): Session<T> {
  const make: MakeEndpoint = (endpoint, options) => ({
    route: async (...args: readonly unknown[]) => await routeIn(replicas, session, { ...options, endpoint, args }),
    with: (limits: RouteOptions) => make(endpoint, { ...options, ...checked(limits) }),
  });
  const close = async () => replicas.sessions.close(session);
  const controls: SessionControls = {
    id: session.id,
    get replica() {
      return session.replica?.index;
    },
    get moves() {
      return session.moves;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  // The endpoints are those of T, as its actors listed them.
  return withEndpoints(controls, endpoints, make, { service: replicas.name, kind: 'session' }) as Session<T>;
}

interface Routed extends RouteOptions {
  readonly endpoint: string;
  readonly args: readonly unknown[];
}

async function routeIn(replicas: ReplicaSet, session: StickySession | undefined, request: Routed): Promise<unknown> {
  if (session?.isClosed) throw new SessionClosedError(replicas.name, session.id);
  return await replicas.route({ ...request, session });
}

/** What a handle is made of beside requests. */
interface HandleParts<Args extends readonly unknown[]> {
  readonly controls: ReplicaControls<Args>;
  /** Called when the service has ended. */
  stopped(): void;
}

/** Makes the handle of a running service: its controls, and each endpoint under its name. */
export function serviceHandle<T, Args extends readonly unknown[]>(
  replicas: ReplicaSet,
  endpoints: Endpoints,
  { controls: replicaControls, stopped }: HandleParts<Args>,
): Service<T, Args> {
  const scope = new AsyncLocalStorage<StickySession>();
  const { name } = replicas;

  const make: MakeEndpoint = (endpoint, options) => {
    const fanoutSettled = async (...args: readonly unknown[]): Promise<readonly FanoutOutcome<unknown>[]> =>
      await replicas.fanout({ ...options, endpoint, args });
    return {
      route: async (...args: readonly unknown[]) =>
        await routeIn(replicas, scope.getStore(), { ...options, endpoint, args }),
      fanoutSettled,
      fanout: async (...args: readonly unknown[]) => {
        const outcomes = await fanoutSettled(...args);
        return outcomes.map((outcome) => {
          if (!outcome.ok) throw new FanoutError(name, endpoint, outcomes);
          return outcome.value;
        });
      },
      with: (limits: RouteOptions) => make(endpoint, { ...options, ...checked(limits) }),
    };
  };

  async function session(): Promise<Session<T>>;
  async function session<R>(task: (session: Session<T>) => R | Promise<R>): Promise<R>;
  async function session<R>(task?: (session: Session<T>) => R | Promise<R>): Promise<R | Session<T>> {
    const sticky = replicas.sessions.open();
    const handle = sessionHandle<T>(replicas, sticky, endpoints);
    if (!task) return handle;
    try {
      return await scope.run(sticky, () => task(handle));
    } finally {
      replicas.sessions.close(sticky);
    }
  }

  async function shutdown({ graceMs = 5_000 }: ShutdownOptions = {}): Promise<void> {
    checkDelay('graceMs', graceMs);
    await replicas.shutdown(graceMs);
    stopped();
  }

  const controls: ServiceControls<T, Args> = {
    ...replicaControls,
    name,
    session,
    metrics: () => metricsOf(replicas),
    state: () => stateOf(replicas),
    shutdown,
    [Symbol.asyncDispose]: async () => await shutdown(),
  };
  // The endpoints are those of T, as its actors listed them.
  return withEndpoints(controls, endpoints, make, { service: name, kind: 'service' }) as Service<T, Args>;
}
