import type { Endpoint, endpointBrand, StreamEndpoint } from '../actor/endpoint.ts';
import type { CallError } from '../errors.ts';
import type { ChoosePolicy } from './choose.ts';
import type { Point, Shaped } from './extent.ts';
import type { Names, PartSizes, Parts, Renamed, Split } from './reshape.ts';
import type { Kept, Selection } from './selection.ts';
import type { ValueMesh } from './value-mesh.ts';

/** Options of one call, given by `.with(…)`. */
export interface CallOptions {
  /** Cancels the call here and, through `context.signal`, in the remote endpoint. */
  readonly signal?: AbortSignal;
  /** Deadline. @default the endpoint's own `timeoutMs`, if any */
  readonly timeoutMs?: number;
  /** Buffers that are moved instead of copied: the caller's are detached. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Which actor `choose` takes. @default 'leastPending' */
  readonly choose?: ChoosePolicy;
}

/** What one rank answered. */
export type Outcome<R> = { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: CallError };

/**
 * The answers of a call. It is sent at once; awaiting collects every rank and rejects with the first error in rank
 * order; iterating yields ranks as they answer. Dropping it never causes an unhandled rejection.
 */
export interface Replies<R, D extends string>
  extends PromiseLike<ValueMesh<R, D>>,
    AsyncIterable<{ readonly point: Point<D>; readonly outcome: Outcome<R> }> {
  /** Every rank's outcome; never rejects. */
  settled(): Promise<ValueMesh<Outcome<R>, D>>;
  /** The first error in time wins and the rest are cancelled. */
  failFast(): Promise<ValueMesh<R, D>>;
}

/** The ways to call an endpoint of a mesh. */
export interface Adverbs<Args extends readonly unknown[], R, D extends string> {
  /** Calls every actor. */
  call(...args: Args): Replies<R, D>;
  /** Calls the only actor. */
  callOne: [D] extends [never]
    ? (...args: Args) => Promise<R>
    : string extends D
      ? (...args: Args) => Promise<R>
      : (this: { readonly error: 'slice to one actor first'; readonly dims: D }, ...args: Args) => Promise<R>;
  /** Calls one living actor, by default that with the fewest calls pending from this process; see {@link ChoosePolicy}. */
  choose(...args: Args): Promise<R>;
  /** Sends to every actor without an answer. An endpoint that throws then fails its actor. */
  broadcast(...args: Args): void;
  /** The same endpoint, called with options. */
  with(options: CallOptions): Adverbs<Args, R, D>;
}

/** The ways to consume a stream endpoint of a mesh. */
export interface StreamAdverbs<Args extends readonly unknown[], Item, D extends string> {
  /** Starts when iterated; items of all actors in order of arrival. Leaving the loop stops the remote generators. */
  stream(...args: Args): AsyncIterable<{ readonly point: Point<D>; readonly value: Item }>;
  /** The same stream, consumed with options. */
  with(options: CallOptions): StreamAdverbs<Args, Item, D>;
}

type Remote<F, D extends string> =
  F extends StreamEndpoint<infer Args, infer Item>
    ? StreamAdverbs<Args, Item, D>
    : F extends Endpoint<infer Args, infer R>
      ? Adverbs<Args, R, D>
      : never;

type EndpointKeys<T> = { [K in keyof T]-?: T[K] extends { readonly [endpointBrand]: string } ? K : never }[keyof T];

/** What a holder of a mesh of `T` sees: its endpoints, and nothing else of it. May be sent in messages. */
export type ActorMesh<T, D extends string> = Shaped<D> & { readonly [K in EndpointKeys<T>]: Remote<T[K], D> } & {
  slice<const S extends Selection<D>>(selection: S): ActorMesh<T, Kept<D, S>>;
  flatten<const N extends string>(name: N): ActorMesh<T, N>;
  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): ActorMesh<T, Split<D, P>>;
  rename<const N extends Names<D>>(names: N): ActorMesh<T, Renamed<D, N>>;
};

/** A mesh held by the one who spawned it: it can be stopped. */
export type OwnedMesh<T, D extends string> = ActorMesh<T, D> &
  AsyncDisposable & { stop(reason?: string): Promise<void> };

/** Names that an endpoint cannot have: a mesh itself answers to them, or the language asks for them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'slice',
  'flatten',
  'split',
  'rename',
  'stop',
  'extent',
  'length',
  'then',
  'catch',
  'finally',
  'toJSON',
  'toString',
  'valueOf',
  'constructor',
]);
