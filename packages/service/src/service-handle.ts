import { AsyncLocalStorage } from 'node:async_hooks';
import { type EndpointCard, unsendable } from '@forge/monarch';
import { endpointHandle } from './endpoint-handle.ts';
import { ServiceOptionsError, ServiceStoppedError } from './errors.ts';
import type { ReplicaControls, Service, ServiceControls, Session, SessionControls, ShutdownOptions } from './handle.ts';
import { checkDelay } from './options.ts';
import type { ReplicaSet } from './replicas/replica-set.ts';
import type { SessionOptions, StickySession } from './routing/session.ts';
import { metricsOf, stateOf } from './snapshot.ts';

type Endpoints = ReadonlyMap<string, EndpointCard>;

/** The endpoints of a handle. */
interface Callables {
  readonly replicas: ReplicaSet;
  readonly endpoints: Endpoints;
  readonly kind: 'service' | 'session';
  readonly sessionNow: () => StickySession | undefined;
}

/** Adds an object for each endpoint. @throws {ServiceOptionsError} when a control has its name. */
function withEndpoints(controls: object, { replicas, endpoints, kind, sessionNow }: Callables): object {
  const service = replicas.name;
  for (const [name, card] of endpoints) {
    if (name in controls) {
      const taken = `${service} has an endpoint named ${name}, and a ${kind} answers to that name itself.`;
      throw new ServiceOptionsError('endpoint', name, 'Rename the endpoint.', taken);
    }
    const called = { replicas, name, card, sessionNow, hasFanout: kind === 'service' };
    const { timeoutMs } = card;
    Object.assign(controls, { [name]: endpointHandle(called, timeoutMs === undefined ? {} : { timeoutMs }) });
  }
  const what = kind === 'service' ? `the service ${service}` : `a session of the service ${service}`;
  const value = `it is ${what}, which stays in the process that started it. Send a mesh of asActor, or plain data.`;
  return Object.freeze(Object.defineProperty(controls, unsendable, { value }));
}

/** Makes the handle of a session. */
function sessionHandle<T>(replicas: ReplicaSet, session: StickySession, endpoints: Endpoints): Session<T> {
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
  const sessionNow = () => session;
  // The endpoints are those of T, as its actors listed them.
  return withEndpoints(controls, { replicas, endpoints, kind: 'session', sessionNow }) as Session<T>;
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
  const { name, dispatcher, sessions } = replicas;

  function open(options: SessionOptions | undefined): StickySession {
    if (dispatcher.isClosed) throw new ServiceStoppedError(name, { started: false });
    return sessions.open(options);
  }

  async function session(options?: SessionOptions): Promise<Session<T>>;
  async function session<R>(task: (session: Session<T>) => R | Promise<R>, options?: SessionOptions): Promise<R>;
  async function session<R>(
    task?: ((session: Session<T>) => R | Promise<R>) | SessionOptions,
    options?: SessionOptions,
  ): Promise<R | Session<T>> {
    if (typeof task !== 'function') return sessionHandle<T>(replicas, open(task), endpoints);
    const sticky = open(options);
    try {
      return await scope.run(sticky, () => task(sessionHandle<T>(replicas, sticky, endpoints)));
    } finally {
      sessions.close(sticky);
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
  const sessionNow = () => scope.getStore();
  // The endpoints are those of T, as its actors listed them.
  return withEndpoints(controls, { replicas, endpoints, kind: 'service', sessionNow }) as Service<T, Args>;
}
