import type { DType, Tensor } from '@forge/tensor';
import type { Port } from '../graph.ts';
import type { OperatorTime } from './operator-time.ts';

/** How onnxruntime is reached: its C API, called in place and off the event loop, or its official Node.js binding. */
export type Runtime = 'c-api' | 'binding';

/** Where a session computes. */
export type Device = 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml';

/** How far onnxruntime may rewrite the graph; each level includes those before it. */
export type GraphOptimization = 'none' | 'basic' | 'extended' | 'layout' | 'all';

/** An input or output as the model declares it. */
export interface TensorSignature {
  readonly name: string;
  readonly dtype: DType;
  /** A string names a size known at run time (equal names, equal sizes); `undefined` is any size. */
  readonly shape: readonly (number | string | undefined)[];
}

export interface SessionOptions {
  /** Forces one way to reach onnxruntime. @default 'c-api' where it loads, else 'binding' */
  readonly runtime?: Runtime;
  /** Threads that one operator may use, the calling one included. @default the number of available cores */
  readonly threads?: number;
  /**
   * Whether idle threads spin for work before they sleep. `briefly` is for 0.1 ms: about what passes between two operators
   * that have work for several threads, and too little to take the cores of another session. `true` is for 1 ms, so
   * that threads stay awake from run to run: quicker only where nothing else wants the cores.
   * @default 'briefly'
   */
  readonly spinning?: boolean | 'briefly';
  /** @default 'cpu' */
  readonly device?: Device;
  /** @default 'all' */
  readonly graphOptimization?: GraphOptimization;
  /** Names of onnxruntime's graph optimizers to leave out, such as `CommonSubexpressionElimination`. @default [] */
  readonly disabledOptimizers?: readonly string[];
  /**
   * Tensors for inputs of a graph, by name, which then are constants: onnxruntime prepares them once (packed for products of
   * matrices, folded into other constants), and they are no inputs of the session. They are read where they are, and must
   * neither be written to nor be transferred to another thread until the session is disposed, or `onInitializerReturned` is
   * called. The binding takes copies.
   * @default none
   */
  readonly initializers?: Readonly<Record<string, Tensor>>;
  /**
   * Called with the name of each initializer when onnxruntime reads it no more and its memory is the caller's again: while the
   * session opens, for those that it has packed or folded; for the others when the session is disposed. @default nobody
   */
  readonly onInitializerReturned?: (name: string) => void;
  /** Measures every operator, which slows runs down, and is called with the result when the session is disposed. @default no measuring */
  readonly onProfile?: (times: readonly OperatorTime[]) => void;
}

export interface RunOptions {
  /**
   * Ends the run early: it rejects with the signal's reason, but only after onnxruntime let go of every tensor. The
   * binding cannot interrupt a run, and looks at the signal before and after it.
   */
  readonly signal?: AbortSignal;
}

/** Names of outputs to allocate, or the tensors to write outputs to. */
export type Fetches = readonly string[] | Readonly<Record<string, Tensor>>;

/** Feeds of many bound runs, such as the weights of a model, which are handed to onnxruntime once for all of them. */
export interface SharedFeeds extends Disposable {
  /**
   * Feeds other tensors, of the same names, dtypes and shapes, to every run that was bound with these.
   *
   * @throws {RunArgumentError} when one is missing, unknown or of another dtype or shape; nothing has changed then.
   * @throws {SessionDisposedError} when this or the session was disposed.
   * @throws {TypeError} while a run with these feeds is under way.
   */
  exchange(feeds: Readonly<Record<string, Tensor>>): void;

  /** Lets go of the tensors. Runs that were bound with them cannot be made any more. */
  [Symbol.dispose](): void;
}

/** A run over the same tensors each time. */
export interface BoundRun extends Disposable {
  /**
   * Runs the model once.
   *
   * @throws {RunArgumentError} when the memory of a tensor was transferred away; nothing has run then.
   * @throws {OnnxRuntimeError} when onnxruntime fails.
   * @throws {SessionDisposedError} when this or the session was disposed.
   * @throws {TypeError} when the run before is still under way.
   */
  run(options?: RunOptions): Promise<void>;

  /**
   * Runs the model once on the calling thread: quicker by two switches between threads (0.1 ms, and more on a machine with
   * other work), while the event loop stands still. For runs that take a millisecond or so. Throws what `run` rejects
   * with; `undefined` where the runtime cannot, which is the binding.
   */
  readonly runBlocking: (() => void) | undefined;

  /** Lets go of the tensors, after the run that is under way. */
  [Symbol.dispose](): void;
}

/** Tensors by the names of ports. */
export type TensorsOf<Each extends Port> = { readonly [P in Each as P['name']]: Tensor<P['dtype']> };

/** What a run is fed: a tensor for each input that the graph lists, and for every other one that it has. */
export type FeedsOf<Inputs extends readonly Port[]> = Inputs extends readonly [
  infer First extends Port,
  ...infer Rest extends readonly Port[],
]
  ? TensorsOf<First> & FeedsOf<Rest>
  : Readonly<Record<string, Tensor>>;

/**
 * A model that is ready to run. Runs may overlap.
 *
 * While a run is under way its tensors must neither be written to nor be transferred to another thread.
 */
export interface Session<Inputs extends readonly Port[] = readonly Port[], Output extends Port = Port>
  extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];

  /**
   * Runs the model once; feeds are not copied.
   *
   * A fetch given as a tensor is written in place (by the binding: copied into), and may be the very memory of a feed
   * when the graph allows it, as a key/value cache does. A fetch given by name is allocated.
   *
   * @param fetches - @default every output, by name
   * @returns the fetched tensors by name; those that were given are the given objects.
   * @throws {RunArgumentError} when a feed or fetch does not fit the model; nothing has run then.
   * @throws {OnnxRuntimeError} when onnxruntime fails.
   * @throws {SessionDisposedError} when the session was disposed.
   */
  run(feeds: FeedsOf<Inputs>, fetches?: undefined, options?: RunOptions): Promise<TensorsOf<Output>>;
  run<Name extends Output['name']>(
    feeds: FeedsOf<Inputs>,
    fetches: readonly Name[],
    options?: RunOptions,
  ): Promise<Pick<TensorsOf<Output>, Name>>;
  run<Given extends Partial<TensorsOf<Output>>>(
    feeds: FeedsOf<Inputs>,
    fetches: Given,
    options?: RunOptions,
  ): Promise<Given>;
  run(
    feeds: FeedsOf<Inputs>,
    fetches: Fetches | undefined,
    options?: RunOptions,
  ): Promise<Readonly<Record<string, Tensor>>>;

  /**
   * Binds the tensors of a run that is made many times: they are checked and handed to onnxruntime once, which is what most
   * of the time of a small run goes to. Every run reads what is in the feeds then, and writes the fetches in place. The
   * session's disposal disposes it as well.
   *
   * @throws {RunArgumentError} when a feed or fetch does not fit the model.
   * @throws {SessionDisposedError} when the session was disposed.
   */
  bind(feeds: FeedsOf<Inputs>, fetches: Partial<TensorsOf<Output>>): BoundRun;

  /**
   * The same with feeds that other runs are bound with, too.
   *
   * @throws {TypeError} when they were shared by another session.
   */
  bind(feeds: Readonly<Record<string, Tensor>>, fetches: Partial<TensorsOf<Output>>, shared: SharedFeeds): BoundRun;

  /**
   * Hands some feeds to onnxruntime for many bound runs, until they are exchanged or disposed. The session's disposal
   * disposes them as well.
   *
   * @throws {RunArgumentError} when one does not fit the model.
   * @throws {SessionDisposedError} when the session was disposed.
   */
  shareFeeds(feeds: Readonly<Record<string, Tensor>>): SharedFeeds;

  /** Waits for the runs that are under way, then frees the model. */
  [Symbol.asyncDispose](): Promise<void>;
}
