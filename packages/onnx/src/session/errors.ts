import type { Device, Runtime } from './session.ts';

/** onnxruntime cannot be reached in the way that was asked for. */
export class RuntimeUnavailableError extends Error {
  override readonly name = 'RuntimeUnavailableError';
  readonly code = 'ERR_ONNX_RUNTIME_UNAVAILABLE';
  readonly runtime: Runtime;

  constructor(runtime: Runtime, reason: string, options?: ErrorOptions) {
    super(`The ${runtime} runtime cannot be used: ${reason}`, options);
    this.runtime = runtime;
  }
}

/** This build of onnxruntime, or this machine, has no such device. */
export class DeviceUnavailableError extends Error {
  override readonly name = 'DeviceUnavailableError';
  readonly code = 'ERR_ONNX_DEVICE_UNAVAILABLE';
  readonly device: Device;
  /** Devices that this build of onnxruntime knows; a driver may still be missing. */
  readonly available: readonly Device[];

  constructor(device: Device, available: readonly Device[], options?: ErrorOptions) {
    const why = options?.cause instanceof Error ? ` onnxruntime says: ${options.cause.message}` : '';
    super(`Device ${device} is not available. This onnxruntime was built for: ${available.join(', ')}.${why}`, options);
    this.device = device;
    this.available = available;
  }
}

/** An input or output of the model has a type that a tensor cannot hold on this runtime. */
export class UnsupportedTypeError extends Error {
  override readonly name = 'UnsupportedTypeError';
  readonly code = 'ERR_ONNX_UNSUPPORTED_TYPE';
  readonly tensor: string;
  readonly type: string;

  constructor(tensor: string, type: string) {
    super(`'${tensor}' of the model is ${type}, which cannot be fed or fetched. Cast it inside the graph.`);
    this.tensor = tensor;
    this.type = type;
  }
}

/** What the tensor was given as. */
export type RunArgumentRole = 'feed' | 'fetch' | 'initializer';

/** What a feed or fetch does not agree with the model about. */
export type RunArgumentProblem = 'unknown' | 'missing' | 'dtype' | 'shape' | 'data' | 'memory';

/** A feed, fetch or initializer does not fit the model; nothing ran. */
export class RunArgumentError extends TypeError {
  override readonly name = 'RunArgumentError';
  readonly code = 'ERR_ONNX_RUN_ARGUMENT';
  readonly role: RunArgumentRole;
  /** The input or output in question. */
  readonly tensor: string;
  readonly problem: RunArgumentProblem;
  readonly expected: string;
  readonly got: string;

  constructor(
    role: RunArgumentRole,
    tensor: string,
    {
      problem,
      expected,
      got,
    }: { readonly problem: RunArgumentProblem; readonly expected: string; readonly got: string },
  ) {
    super(`The ${role} '${tensor}' does not fit the model (${problem}): expected ${expected}, got ${got}.`);
    this.role = role;
    this.tensor = tensor;
    this.problem = problem;
    this.expected = expected;
    this.got = got;
  }
}

/** A session was used after it was disposed. */
export class SessionDisposedError extends Error {
  override readonly name = 'SessionDisposedError';
  readonly code = 'ERR_ONNX_SESSION_DISPOSED';

  constructor() {
    super('The session was disposed. Open another one, or keep it alive as long as it runs.');
  }
}

/** onnxruntime itself failed: an invalid model, an operator that cannot take these values, no memory. */
export class OnnxRuntimeError extends Error {
  override readonly name = 'OnnxRuntimeError';
  readonly code = 'ERR_ONNX_RUNTIME';
  /** What was being done. */
  readonly operation: string;
  /** onnxruntime's own code, such as `INVALID_ARGUMENT`; `undefined` where the binding does not tell. */
  readonly status: string | undefined;

  constructor(
    operation: string,
    message: string,
    { status, cause }: { readonly status?: string; readonly cause?: unknown } = {},
  ) {
    super(
      `${operation} failed${status === undefined ? '' : ` with ${status}`}: ${message}`,
      cause === undefined ? {} : { cause },
    );
    this.operation = operation;
    this.status = status;
  }
}
