import { bytesPerElement, type DType, type Tensor, type TypedArray } from '@forge/tensor';
import { RunArgumentError, type RunArgumentProblem, type RunArgumentRole } from './errors.ts';
import type { Fetches, TensorSignature } from './session.ts';

/** A tensor at its place among the inputs or outputs. */
export interface BoundTensor {
  readonly index: number;
  readonly tensor: Tensor;
}

/** An output to produce, into `tensor` if there is one. */
export interface BoundFetch {
  readonly index: number;
  readonly tensor: Tensor | undefined;
}

/** A run that fits the model. */
export interface RunPlan {
  /** Without those that are shared. */
  readonly feeds: readonly BoundTensor[];
  readonly fetches: readonly BoundFetch[];
}

/** The inputs and outputs of a model, with their places by name. */
export class ModelSignature {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly #inputIndex: ReadonlyMap<string, number>;
  readonly #outputIndex: ReadonlyMap<string, number>;

  constructor(inputs: readonly TensorSignature[], outputs: readonly TensorSignature[]) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.#inputIndex = new Map(inputs.map(({ name }, index) => [name, index]));
    this.#outputIndex = new Map(outputs.map(({ name }, index) => [name, index]));
  }

  /**
   * Checks the arguments of a run against the model.
   *
   * @param shared - feeds beside `feeds`.
   * @throws {RunArgumentError} naming the first feed or fetch that does not fit.
   */
  plan(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Fetches | undefined,
    shared: readonly BoundTensor[] = [],
  ): RunPlan {
    const known = new Map(shared.map(({ index, tensor }) => [this.inputs[index]!.name, tensor]));
    for (const name of Object.keys(feeds)) {
      if (!this.#inputIndex.has(name)) throw unknownName('feed', name, this.inputs);
      if (known.has(name)) {
        throw problem('feed', this.inputs[this.#inputIndex.get(name)!]!, 'unknown', 'no other, it is shared', 'one');
      }
    }
    const sizes = new Map<string, NamedSize>();
    const boundFeeds: BoundTensor[] = [];
    for (const [index, signature] of this.inputs.entries()) {
      const own = feeds[signature.name];
      const tensor = own ?? known.get(signature.name);
      if (tensor === undefined) {
        throw problem('feed', signature, 'missing', describe(signature.dtype, signature.shape), 'nothing');
      }
      checkTensor('feed', signature, tensor, sizes);
      if (own) boundFeeds.push({ index, tensor });
    }
    return { feeds: boundFeeds, fetches: this.#planFetches(fetches, sizes) };
  }

  /**
   * Checks some feeds of a run.
   *
   * @throws {RunArgumentError} naming the first that does not fit.
   */
  planFeeds(feeds: Readonly<Record<string, Tensor>>): readonly BoundTensor[] {
    const sizes = new Map<string, NamedSize>();
    return Object.entries(feeds).map(([name, tensor]) => {
      const index = this.#inputIndex.get(name);
      if (index === undefined) throw unknownName('feed', name, this.inputs);
      checkTensor('feed', this.inputs[index]!, tensor, sizes);
      return { index, tensor };
    });
  }

  /**
   * The feeds that take the place of others.
   *
   * @throws {RunArgumentError} naming the first that is not of the same name, dtype and shape.
   */
  planExchange(from: readonly BoundTensor[], feeds: Readonly<Record<string, Tensor>>): readonly BoundTensor[] {
    const names = from.map(({ index }) => this.inputs[index]!);
    const known = new Set(names.map(({ name }) => name));
    for (const name of Object.keys(feeds)) if (!known.has(name)) throw unknownName('feed', name, names);
    return from.map(({ index, tensor: { dtype, shape } }) => {
      const { name } = this.inputs[index]!;
      const tensor = feeds[name];
      if (tensor === undefined) throw problem('feed', { name }, 'missing', describe(dtype, shape), 'nothing');
      checkTensor('feed', { name, dtype, shape }, tensor, new Map());
      return { index, tensor };
    });
  }

  #planFetches(fetches: Fetches | undefined, sizes: Map<string, NamedSize>): BoundFetch[] {
    if (fetches === undefined) return this.outputs.map((_, index) => ({ index, tensor: undefined }));
    if (isNames(fetches))
      return [...new Set(fetches)].map((name) => ({ index: this.#indexOfOutput(name), tensor: undefined }));
    return Object.entries(fetches).map(([name, tensor]) => {
      const index = this.#indexOfOutput(name);
      checkTensor('fetch', this.outputs[index]!, tensor, sizes);
      return { index, tensor };
    });
  }

  #indexOfOutput(name: string): number {
    const index = this.#outputIndex.get(name);
    if (index === undefined) throw unknownName('fetch', name, this.outputs);
    return index;
  }
}

/** @throws {RunArgumentError} when a tensor that fitted the model has lost its memory since. */
export function checkMemories(
  role: RunArgumentRole,
  signatures: readonly TensorSignature[],
  tensors: readonly BoundFetch[],
): void {
  for (let at = 0; at < tensors.length; at += 1) {
    const { index, tensor } = tensors[at]!;
    if (tensor === undefined || tensor.data.length > 0 || tensor.shape.includes(0)) continue;
    throw problem(role, signatures[index]!, 'memory', 'its elements', 'an array whose memory was transferred away');
  }
}

/** A size that a symbol stands for in this run, and the tensor that said so. */
export interface NamedSize {
  readonly size: number;
  readonly from: string;
}

/** @throws {RunArgumentError} when a tensor does not fit what the model declares. */
export function checkTensor(
  role: RunArgumentRole,
  signature: TensorSignature,
  tensor: Tensor,
  sizes: Map<string, NamedSize>,
): void {
  const { dtype, shape, data } = tensor;
  if (dtype !== signature.dtype) throw problem(role, signature, 'dtype', signature.dtype, dtype);
  if (shape.length !== signature.shape.length) throw shapeProblem(role, signature, tensor);
  let count = 1;
  for (let dim = 0; dim < shape.length; dim += 1) {
    const size = shape[dim]!;
    const declared = signature.shape[dim];
    if (!Number.isSafeInteger(size) || size < 0) throw shapeProblem(role, signature, tensor);
    if (typeof declared === 'number' && declared !== size) throw shapeProblem(role, signature, tensor);
    if (typeof declared === 'string') {
      const known = sizes.get(declared);
      if (known === undefined) sizes.set(declared, { size, from: signature.name });
      else if (known.size !== size)
        throw shapeProblem(role, signature, tensor, `${declared} is ${known.size} in '${known.from}'`);
    }
    count *= size;
  }
  checkMemory(role, signature, { dtype, count, data });
}

function checkMemory(
  role: RunArgumentRole,
  signature: TensorSignature,
  { dtype, count, data }: { readonly dtype: DType; readonly count: number; readonly data: TypedArray },
): void {
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== bytesPerElement(dtype)) {
    throw problem(role, signature, 'data', `an array of ${dtype}`, Object.prototype.toString.call(data).slice(8, -1));
  }
  if (data.length !== count) throw problem(role, signature, 'data', `${count} elements`, `${data.length}`);
  const { buffer } = data;
  if (!(buffer instanceof ArrayBuffer)) {
    throw problem(
      role,
      signature,
      'memory',
      'an ArrayBuffer',
      'a SharedArrayBuffer, which onnxruntime does not take; copy it',
    );
  }
  if (buffer.resizable) {
    throw problem(
      role,
      signature,
      'memory',
      'an ArrayBuffer of fixed length',
      'a resizable one, whose memory may vanish in a run',
    );
  }
}

function shapeProblem(
  role: RunArgumentRole,
  signature: TensorSignature,
  tensor: Tensor,
  because?: string,
): RunArgumentError {
  const expected = describe(undefined, signature.shape) + (because === undefined ? '' : ` where ${because}`);
  return problem(role, signature, 'shape', expected, describe(undefined, tensor.shape));
}

function problem(
  role: RunArgumentRole,
  { name }: Pick<TensorSignature, 'name'>,
  kind: RunArgumentProblem,
  expected: string,
  got: string,
): RunArgumentError {
  return new RunArgumentError(role, name, { problem: kind, expected, got });
}

/** The error of a name that is none of those that are known. */
export function unknownName(
  role: RunArgumentRole,
  name: string,
  known: readonly { readonly name: string }[],
): RunArgumentError {
  const names = known.map((signature) => signature.name);
  const listed = names.length > 12 ? [...names.slice(0, 12), `and ${names.length - 12} more`] : names;
  return new RunArgumentError(role, name, {
    problem: 'unknown',
    expected: `one of ${listed.join(', ')}`,
    got: `'${name}'`,
  });
}

function describe(dtype: DType | undefined, shape: TensorSignature['shape']): string {
  const sizes = `[${shape.map((size) => size ?? '?').join(', ')}]`;
  return dtype === undefined ? sizes : `${dtype}${sizes}`;
}

function isNames(fetches: Fetches): fetches is readonly string[] {
  return Array.isArray(fetches);
}
