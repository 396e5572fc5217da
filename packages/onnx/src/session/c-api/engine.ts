import type { Tensor } from '@forge/tensor';
import type { LoadedModel } from '../loaded-model.ts';
import type { BoundTensors, Engine } from '../model-session.ts';
import type { ResolvedOptions } from '../options.ts';
import { type BoundTensor, ModelSignature, type RunPlan } from '../plan-run.ts';
import type { RunOptions } from '../session.ts';
import { createSession } from './create-session.ts';
import type { Pointer } from './functions.ts';
import { Initializers } from './initializers.ts';
import { type Library, loadLibrary } from './library.ts';
import { Names } from './names.ts';
import { nativeOptions } from './options.ts';
import { OwnedStack } from './owned-stack.ts';
import { RunTensors } from './run-tensors.ts';
import { SharedValues } from './shared-values.ts';
import { readInputs, readOutputs } from './signature.ts';

/**
 * Loads a model through onnxruntime's C API, off the event loop.
 * @throws {RuntimeUnavailableError} when koffi or the library does not load.
 * @throws {DeviceUnavailableError} when the library has no such device.
 * @throws {OnnxRuntimeError} when onnxruntime refuses the model.
 */
export async function openCApiEngine(model: LoadedModel, options: ResolvedOptions): Promise<Engine<SharedValues>> {
  const library = await loadLibrary();
  using native = nativeOptions(library, options);
  using opened = new OwnedStack();
  const initializers = opened.use(new Initializers(library, model.beside, options.onReturned));
  const session = await createSession(library, { model, initializers, options: native });
  try {
    return new CApiEngine(library, session, opened);
  } catch (error) {
    library.api.releaseSession(session);
    throw error;
  }
}

class CApiEngine implements Engine<SharedValues> {
  readonly runtime = 'c-api';
  readonly signature: ModelSignature;
  readonly #library: Library;
  readonly #session: Pointer;
  readonly #inputNames: Names;
  readonly #outputNames: Names;
  // What must outlive the session.
  readonly #owned: OwnedStack;

  constructor(library: Library, session: Pointer, owned: OwnedStack) {
    this.#library = library;
    this.#session = session;
    this.signature = new ModelSignature(readInputs(library, session), readOutputs(library, session));
    this.#inputNames = new Names(library, this.signature.inputs);
    this.#outputNames = new Names(library, this.signature.outputs);
    this.#owned = owned.move();
  }

  share(feeds: readonly BoundTensor[]): SharedValues {
    return new SharedValues(this.#library, feeds);
  }

  bind(plan: RunPlan, shared?: SharedValues): BoundTensors {
    const names = { inputs: this.#inputNames, outputs: this.#outputNames };
    const tensors = new RunTensors(this.#library, { plan, shared }, names);
    return {
      run: (options) => this.#execute(tensors, options),
      runBlocking: () => this.#library.check('The run', this.#callHere(tensors)),
      [Symbol.dispose]: () => tensors[Symbol.dispose](),
    };
  }

  /** Off the event loop: to unmap some gigabytes takes a tenth of a second. */
  async close(): Promise<void> {
    const { offThread, api } = this.#library;
    await offThread.run('Closing the model', [this.#owned], (done) => api.releaseSession.async(this.#session, done));
    this.#owned[Symbol.dispose]();
  }

  async #execute(tensors: RunTensors, { signal }: RunOptions): Promise<Record<string, Tensor>> {
    const status = await this.#run(tensors, signal);
    if (signal?.aborted) {
      if (status !== null) this.#library.api.releaseStatus(status);
      throw signal.reason;
    }
    this.#library.check('The run', status);
    return tensors.results(this.signature);
  }

  /** Resolves when onnxruntime has let go of every tensor, whether the run was cut short or not. */
  async #run(tensors: RunTensors, signal: AbortSignal | undefined): Promise<Pointer | null> {
    if (signal === undefined) return this.#call(tensors, null);
    const library = this.#library;
    const { api } = library;
    using options = library.own('CreateRunOptions', (out) => api.createRunOptions(out), api.releaseRunOptions);
    const terminate = (): void => library.check('RunOptionsSetTerminate', api.runOptionsSetTerminate(options.pointer));
    signal.addEventListener('abort', terminate);
    try {
      return await this.#call(tensors, options.pointer);
    } finally {
      signal.removeEventListener('abort', terminate);
    }
  }

  #callHere(tensors: RunTensors): Pointer | null {
    tensors.takeShared();
    const { inputCount, outputCount } = tensors;
    const { inputNames, inputs, outputNames, outputs } = tensors.addresses;
    const { run } = this.#library.api;
    return run(this.#session, null, inputNames, inputs, inputCount, outputNames, outputCount, outputs);
  }

  #call(tensors: RunTensors, options: Pointer | null): Promise<Pointer | null> {
    tensors.takeShared();
    const { plan, inputCount, outputCount } = tensors;
    const { inputNames, inputs, outputNames, outputs } = tensors.addresses;
    return this.#library.offThread.run('The run', [plan, tensors], (done) => {
      const { run } = this.#library.api;
      run.async(this.#session, options, inputNames, inputs, inputCount, outputNames, outputCount, outputs, done);
    });
  }
}
