/** How calls of one endpoint are run. */
export interface EndpointOptions {
  /**
   * Calls of this endpoint that may overlap. With 1 they share the actor's serial lane: strictly one at a time, in
   * order of arrival. With more they start in order of arrival, overlap with everything and never block that lane.
   *
   * @default 1
   */
  readonly concurrency?: number;
  /** Deadline of a call that sets none. @default none */
  readonly timeoutMs?: number;
  /** A lost call may be sent again to another replica. @default false */
  readonly idempotent?: boolean;
}

// Registered symbols: an actor class may come from another copy of this package than the process that runs it.
/** Marks an endpoint with its kind. */
export const endpointBrand: unique symbol = Symbol.for('@forge/monarch endpoint') as never;
/** Carries the options of an endpoint. */
export const endpointOptions: unique symbol = Symbol.for('@forge/monarch endpoint options') as never;

/** A method of an actor that other processes may call. */
export interface Endpoint<Args extends readonly unknown[], Result> {
  (...args: Args): Promise<Result>;
  readonly [endpointBrand]: 'unary';
  readonly [endpointOptions]: EndpointOptions;
}

/** A method of an actor whose results other processes may stream. */
export interface StreamEndpoint<Args extends readonly unknown[], Item> {
  (...args: Args): AsyncIterable<Item>;
  readonly [endpointBrand]: 'stream';
  readonly [endpointOptions]: EndpointOptions;
}

/** Shared by all endpoints without options: there is one of each for every actor. */
const NO_OPTIONS: EndpointOptions = {};

/** Makes a class field of an actor callable from other processes. */
export function endpoint<Args extends readonly unknown[], Result>(
  method: (...args: Args) => Result,
  options: EndpointOptions = NO_OPTIONS,
): Endpoint<Args, Awaited<Result>> {
  checkOptions(options);
  return Object.assign(async (...args: Args): Promise<Awaited<Result>> => await method(...args), {
    [endpointBrand]: 'unary' as const,
    [endpointOptions]: options,
  });
}

/** Makes an async generator, as a class field of an actor, a stream that other processes may consume. */
export function streamEndpoint<Args extends readonly unknown[], Item>(
  method: (...args: Args) => AsyncIterable<Item>,
  options: EndpointOptions = NO_OPTIONS,
): StreamEndpoint<Args, Item> {
  checkOptions(options);
  return Object.assign((...args: Args) => method(...args), {
    [endpointBrand]: 'stream' as const,
    [endpointOptions]: options,
  });
}

function checkOptions({ concurrency = 1, timeoutMs = 1 }: EndpointOptions): void {
  if (!(concurrency >= 1)) throw new RangeError(`concurrency is ${concurrency}. It must be 1 or more.`);
  if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is ${timeoutMs}. It must be positive.`);
}

/** An endpoint of any signature, as found on an instance. */
export type AnyEndpoint = ((...args: readonly unknown[]) => unknown) & {
  readonly [endpointBrand]: 'unary' | 'stream';
  readonly [endpointOptions]: EndpointOptions;
};

function isEndpoint(value: unknown): value is AnyEndpoint {
  return typeof value === 'function' && endpointBrand in value;
}

/** The endpoints of an actor instance, by name. */
export function endpointsOf(actor: object): Map<string, AnyEndpoint> {
  const found = new Map<string, AnyEndpoint>();
  for (const [name, value] of Object.entries(actor)) if (isEndpoint(value)) found.set(name, value);
  return found;
}

/** One endpoint of an actor instance; `undefined` when it has none of this name. */
export function endpointOf(actor: object, name: string): AnyEndpoint | undefined {
  const value: unknown = Object.hasOwn(actor, name) ? Reflect.get(actor, name) : undefined;
  return isEndpoint(value) ? value : undefined;
}
