import type { Graph, Port } from '../graph.ts';
import { bindInitializers } from './bind-initializers.ts';
import { openBindingEngine } from './binding/engine.ts';
import { openCApiEngine } from './c-api/engine.ts';
import { RuntimeUnavailableError } from './errors.ts';
import { type LoadedModel, loadedBytes, loadedGraph } from './loaded-model.ts';
import { type Engine, ModelSession } from './model-session.ts';
import { type ResolvedOptions, resolveOptions } from './options.ts';
import { ProfileFolder } from './profile-folder.ts';
import type { Runtime, Session, SessionOptions } from './session.ts';

const engines: Readonly<Record<Runtime, (model: LoadedModel, options: ResolvedOptions) => Promise<Engine>>> = {
  'c-api': openCApiEngine,
  binding: openBindingEngine,
};

/**
 * Opens a model in onnxruntime.
 *
 * @param model - a graph, or the bytes of an ONNX file.
 * @throws {RuntimeUnavailableError} when the runtime that was asked for, or every runtime, cannot be used.
 * @throws {DeviceUnavailableError} when onnxruntime has no such device.
 * @throws {RunArgumentError} when an initializer does not fit the graph.
 * @throws {UnsupportedTypeError} when an input or output is no tensor of a known dtype.
 * @throws {OnnxRuntimeError} when onnxruntime refuses the model.
 */
export async function openSession<Inputs extends readonly Port[] = readonly Port[], Output extends Port = Port>(
  model: Graph<Inputs, Output> | Uint8Array,
  options: SessionOptions = {},
): Promise<Session<Inputs, Output>> {
  const session: unknown = await open(model, options);
  // Runs are checked against what onnxruntime says of the model, which is what the graph says of its ports.
  return session as Session<Inputs, Output>;
}

async function open(model: Graph | Uint8Array, options: SessionOptions): Promise<ModelSession> {
  const { runtime, onProfile, initializers } = options;
  const loaded =
    model instanceof Uint8Array
      ? loadedBytes(model, initializers)
      : loadedGraph(bindInitializers(model, initializers ?? {}));
  if (onProfile === undefined) {
    return new ModelSession(await openEngine(loaded, resolveOptions(options), runtime), async () => {});
  }
  const profile = await ProfileFolder.create();
  try {
    const engine = await openEngine(loaded, resolveOptions(options, profile.prefix), runtime);
    return new ModelSession(engine, async () => onProfile(await profile.take()));
  } catch (error) {
    await profile.drop();
    throw error;
  }
}

async function openEngine(model: LoadedModel, options: ResolvedOptions, runtime: Runtime | undefined): Promise<Engine> {
  const engine = await engineOf(model, options, runtime);
  for (const name of model.inside) options.onReturned(name);
  return engine;
}

async function engineOf(model: LoadedModel, options: ResolvedOptions, runtime: Runtime | undefined): Promise<Engine> {
  // The library reads it when it is loaded. Without it, onnxruntime reports models and devices to its maker and leaves
  // files in the temporary folder. A value that is set already stays.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  if (runtime !== undefined) {
    if (!Object.hasOwn(engines, runtime)) throw new RuntimeUnavailableError(runtime, 'there is c-api, and binding');
    return engines[runtime](model, options);
  }
  try {
    return await engines['c-api'](model, options);
  } catch (error) {
    if (!(error instanceof RuntimeUnavailableError)) throw error;
    return engines.binding(model, options);
  }
}
