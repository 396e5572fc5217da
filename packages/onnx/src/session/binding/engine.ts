import { setImmediate } from 'node:timers/promises';
import { bytesOf, isDType, type Tensor } from '@forge/tensor';
import type { InferenceSession } from 'onnxruntime-node';
import { DeviceUnavailableError, OnnxRuntimeError, RuntimeUnavailableError, UnsupportedTypeError } from '../errors.ts';
import type { LoadedModel } from '../loaded-model.ts';
import type { BoundTensors, Engine } from '../model-session.ts';
import { type ResolvedOptions, spinEntries } from '../options.ts';
import { type BoundTensor, ModelSignature, type RunPlan } from '../plan-run.ts';
import type { Device, GraphOptimization, TensorSignature } from '../session.ts';
import type { SharedTensors } from '../shared-feed-set.ts';
import { copyFromBinding, fromBinding, toBinding } from './tensors.ts';

type Binding = typeof import('onnxruntime-node');

const optimizationLevels = {
  none: 'disabled',
  basic: 'basic',
  extended: 'extended',
  layout: 'layout',
  all: 'all',
} as const satisfies Record<GraphOptimization, string>;

/**
 * Loads a model through the official binding.
 * @throws {RuntimeUnavailableError} when the binding does not load.
 * @throws {DeviceUnavailableError} when the binding has no such device.
 * @throws {OnnxRuntimeError} when onnxruntime refuses the model.
 */
export async function openBindingEngine(model: LoadedModel, options: ResolvedOptions): Promise<Engine> {
  const binding = await loadBinding();
  const available = availableDevices(binding);
  if (!available.includes(options.device)) throw new DeviceUnavailableError(options.device, available);
  const session = await openOnDevice(binding, model, options);
  for (const { name } of model.beside) options.onReturned(name);
  try {
    return new BindingEngine(binding, session);
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function openOnDevice(
  binding: Binding,
  { encode, beside }: LoadedModel,
  options: ResolvedOptions,
): Promise<InferenceSession> {
  const { device } = options;
  const externalData = beside.map(({ location, tensor }) => ({ path: location, data: bytesOf(tensor) }));
  try {
    return await attempt(
      'Opening the model',
      binding.InferenceSession.create(encode('external'), { ...bindingOptions(options), externalData }),
    );
  } catch (cause) {
    // The binding does not tell a device that is missing from a model that the device cannot take.
    if (device !== 'cpu') throw new DeviceUnavailableError(device, availableDevices(binding), { cause });
    throw cause;
  }
}

/** Tensors of this process serve the binding as they are. */
class SharedFeedTensors implements SharedTensors {
  feeds: readonly BoundTensor[];

  constructor(feeds: readonly BoundTensor[]) {
    this.feeds = feeds;
  }

  exchange(feeds: readonly BoundTensor[]): void {
    this.feeds = feeds;
  }

  [Symbol.dispose](): void {
    this.feeds = [];
  }
}

class BindingEngine implements Engine {
  readonly runtime = 'binding';
  readonly signature: ModelSignature;
  readonly #binding: Binding;
  readonly #session: InferenceSession;

  constructor(binding: Binding, session: InferenceSession) {
    this.#binding = binding;
    this.#session = session;
    this.signature = new ModelSignature(
      session.inputMetadata.map(readSignature),
      session.outputMetadata.map(readSignature),
    );
  }

  share(feeds: readonly BoundTensor[]): SharedTensors {
    return new SharedFeedTensors(feeds);
  }

  bind({ feeds, fetches }: RunPlan, shared?: SharedTensors): BoundTensors {
    return {
      run: ({ signal }) => this.#execute({ feeds: [...feeds, ...(shared?.feeds ?? [])], fetches }, signal),
      [Symbol.dispose]: () => {},
    };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  async #execute({ feeds, fetches }: RunPlan, signal: AbortSignal | undefined): Promise<Record<string, Tensor>> {
    const { inputs, outputs } = this.signature;
    const fed = Object.fromEntries(
      feeds.map(({ index, tensor }) => [inputs[index]!.name, toBinding(this.#binding.Tensor, tensor)]),
    );
    const names = fetches.map(({ index }) => outputs[index]!.name);
    const run = names.length === 0 ? this.#session.run(fed) : this.#session.run(fed, names);
    const produced = await attempt('The run', run);
    // An abort that arrived while the event loop stood still is delivered first.
    if (signal !== undefined) await setImmediate();
    signal?.throwIfAborted();
    const results = fetches.map(({ index, tensor }) => {
      const { name, dtype } = outputs[index]!;
      const result = produced[name]!;
      if (tensor === undefined) return [name, fromBinding(dtype, result)] as const;
      copyFromBinding(name, result, tensor);
      return [name, tensor] as const;
    });
    return Object.fromEntries(results);
  }
}

function readSignature(metadata: InferenceSession.ValueMetadata): TensorSignature {
  const { name } = metadata;
  if (!metadata.isTensor) throw new UnsupportedTypeError(name, 'not a tensor');
  if (!isDType(metadata.type)) throw new UnsupportedTypeError(name, `of type ${metadata.type}`);
  return { name, dtype: metadata.type, shape: metadata.shape.map((size) => (size === '' ? undefined : size)) };
}

async function loadBinding(): Promise<Binding> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new RuntimeUnavailableError('binding', messageOf(cause), { cause });
  }
}

function availableDevices(binding: Binding): Device[] {
  const names = binding.listSupportedBackends().map(({ name }) => name);
  const devices: readonly Device[] = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'];
  return devices.filter((device) => names.includes(device));
}

function bindingOptions(options: ResolvedOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: options.device === 'cpu' ? ['cpu'] : [options.device, 'cpu'],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    // A memory pattern is one more block as large as a whole run, for each set of input shapes; runs are no quicker.
    enableMemPattern: false,
    ...(options.profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    graphOptimizationLevel: optimizationLevels[options.graphOptimization],
    // Every failure arrives as an error; onnxruntime need not write it to stderr as well.
    logSeverityLevel: 4,
    extra: {
      session: { intra_op: spinEntries(options), inter_op: { allow_spinning: '0' } },
      optimization: { disable_specified_optimizers: options.disabledOptimizers.join(';') },
    },
  };
}

async function attempt<Result>(operation: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    throw new OnnxRuntimeError(operation, messageOf(cause), { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
