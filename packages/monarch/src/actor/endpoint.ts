import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ArgumentError, OptionError } from '../errors.ts';
import { type ArgumentsIn, type ArgumentsOut, areSchemas, type Schemas, validate } from './validation.ts';

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

/** Carries the method that was made an endpoint, whose result is no promise unless it is asynchronous itself. */
export const endpointMethod: unique symbol = Symbol.for('@forge/monarch endpoint method') as never;

/** Carries what must be checked before an endpoint runs. */
export const endpointInput: unique symbol = Symbol.for('@forge/monarch endpoint input') as never;

/** What stands before the method of an endpoint with schemas. */
export interface EndpointInput {
  /** One for each argument. */
  readonly schemas: readonly StandardSchemaV1[];
  /** The method, for arguments that the schemas made. */
  readonly method: (...args: readonly unknown[]) => unknown;
}

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

type Method = (...args: readonly unknown[]) => unknown;

/**
 * Makes a class field of an actor callable from other processes. With schemas before the method its arguments are
 * checked where it runs, and it gets what the schemas made of them; what they refuse rejects as an ArgumentError.
 *
 * @throws {OptionError} on an option that cannot be so.
 */
export function endpoint<Args extends readonly unknown[], Result>(
  method: (...args: Args) => Result,
  options?: EndpointOptions,
): Endpoint<Args, Awaited<Result>>;
export function endpoint<const S extends Schemas, Result>(
  input: S,
  method: (...args: ArgumentsOut<S>) => Result,
  options?: EndpointOptions,
): Endpoint<ArgumentsIn<S>, Awaited<Result>>;
export function endpoint(...declared: readonly unknown[]): Endpoint<readonly unknown[], unknown> {
  const { method, options, input } = declaration(declared);
  const marks = { [endpointBrand]: 'unary', [endpointOptions]: options } as const;
  if (input === undefined) {
    return Object.assign(async (...args: readonly unknown[]) => await method(...args), marks, {
      [endpointMethod]: method,
    });
  }
  const checked = async (...args: readonly unknown[]) => await method(...(await checkedHere(input, args)));
  return Object.assign(checked, marks, { [endpointInput]: input });
}

/**
 * Makes an async generator, as a class field of an actor, a stream that other processes may consume. Schemas before it
 * check its arguments, as those of {@link endpoint} do.
 *
 * @throws {OptionError} on an option that cannot be so.
 */
export function streamEndpoint<Args extends readonly unknown[], Item>(
  method: (...args: Args) => AsyncIterable<Item>,
  options?: EndpointOptions,
): StreamEndpoint<Args, Item>;
export function streamEndpoint<const S extends Schemas, Item>(
  input: S,
  method: (...args: ArgumentsOut<S>) => AsyncIterable<Item>,
  options?: EndpointOptions,
): StreamEndpoint<ArgumentsIn<S>, Item>;
export function streamEndpoint(...declared: readonly unknown[]): StreamEndpoint<readonly unknown[], unknown> {
  const { method, options, input } = declaration(declared);
  // The overloads say that it returns an AsyncIterable.
  const items = method as (...args: readonly unknown[]) => AsyncIterable<unknown>;
  const marks = { [endpointBrand]: 'stream', [endpointOptions]: options } as const;
  if (input === undefined) return Object.assign((...args: readonly unknown[]) => items(...args), marks);
  const checked = async function* (...args: readonly unknown[]) {
    yield* items(...(await checkedHere(input, args)));
  };
  return Object.assign(checked, marks, { [endpointInput]: input });
}

/** Shared by all endpoints without options: there is one of each for every actor. */
const NO_OPTIONS: EndpointOptions = {};

function declaration(declared: readonly unknown[]): {
  method: Method;
  options: EndpointOptions;
  input?: EndpointInput;
} {
  const [first] = declared;
  const hasInput = typeof first !== 'undefined' && first !== null && areSchemas(first);
  // In this order by the overloads of `endpoint`.
  const [method, options = NO_OPTIONS] = (hasInput ? declared.slice(1) : declared) as [Method, EndpointOptions?];
  checkOptions(options);
  if (!hasInput) return { method, options };
  return { method, options, input: { schemas: '~standard' in first ? [first] : first, method } };
}

/** Arguments of a call that the actor makes of its own method. */
async function checkedHere({ schemas }: EndpointInput, args: readonly unknown[]): Promise<readonly unknown[]> {
  const result = await validate(schemas, args);
  if ('issues' in result) throw new ArgumentError('this actor', 'endpoint', result.issues);
  return result.args;
}

function checkOptions({ concurrency = 1, timeoutMs = 1 }: EndpointOptions): void {
  if (!(concurrency >= 1)) {
    throw new OptionError('concurrency', `concurrency is ${concurrency}. It must be 1 or more.`);
  }
  if (!(timeoutMs > 0)) throw new OptionError('timeoutMs', `timeoutMs is ${timeoutMs}. It must be positive.`);
}

/** An endpoint of any signature, as found on an instance. */
export type AnyEndpoint = ((...args: readonly unknown[]) => unknown) & {
  readonly [endpointBrand]: 'unary' | 'stream';
  readonly [endpointOptions]: EndpointOptions;
  readonly [endpointMethod]?: (...args: readonly unknown[]) => unknown;
  readonly [endpointInput]?: EndpointInput;
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

/** What every actor has, which nobody takes for an endpoint. */
const OF_ACTORS: ReadonlySet<string> = new Set(['constructor', 'setup', 'supervise', 'cleanup']);

/** Names of the methods of an actor instance that are no endpoints: callers are told so. */
export function plainMethodsOf(actor: object): readonly string[] {
  const names = new Set<string>();
  for (let at: object = actor; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && !isEndpoint(value) && !OF_ACTORS.has(name)) names.add(name);
    }
  }
  return [...names];
}
