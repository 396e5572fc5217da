import { DeviceUnavailableError, OnnxRuntimeError } from '../errors.ts';
import { type ResolvedOptions, spinEntries } from '../options.ts';
import type { Device, GraphOptimization } from '../session.ts';
import type { Library } from './library.ts';
import type { Owned } from './owned.ts';

/** `GraphOptimizationLevel`. Source: onnxruntime_c_api.h. */
const optimizationLevels = { none: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const satisfies Record<
  GraphOptimization,
  number
>;

/** How each device's execution provider is called in the list of those available, and when appended by name. */
const providers: Readonly<Record<Device, { readonly listed: string; readonly appended: string | undefined }>> = {
  cpu: { listed: 'CPUExecutionProvider', appended: undefined },
  cuda: { listed: 'CUDAExecutionProvider', appended: undefined },
  webgpu: { listed: 'WebGpuExecutionProvider', appended: 'WebGPU' },
  coreml: { listed: 'CoreMLExecutionProvider', appended: 'CoreML' },
  dml: { listed: 'DmlExecutionProvider', appended: 'DML' },
};

// Every failure arrives as an error; onnxruntime need not write it to stderr as well.
const loggingLevelFatal = 4;

/** Session options as a native object. @throws {DeviceUnavailableError} */
export function nativeOptions(library: Library, options: ResolvedOptions): Owned {
  const { api } = library;
  const owned = library.own('CreateSessionOptions', (out) => api.createSessionOptions(out), api.releaseSessionOptions);
  const { pointer } = owned;
  const entries = {
    ...Object.fromEntries(
      Object.entries(spinEntries(options)).map(([key, value]) => [`session.intra_op.${key}`, value]),
    ),
    'session.inter_op.allow_spinning': '0',
    'optimization.disable_specified_optimizers': options.disabledOptimizers.join(';'),
  };
  try {
    library.check('SetSessionLogSeverityLevel', api.setSessionLogSeverityLevel(pointer, loggingLevelFatal));
    library.check(
      'SetSessionGraphOptimizationLevel',
      api.setSessionGraphOptimizationLevel(pointer, optimizationLevels[options.graphOptimization]),
    );
    library.check('SetIntraOpNumThreads', api.setIntraOpNumThreads(pointer, options.threads));
    library.check('SetInterOpNumThreads', api.setInterOpNumThreads(pointer, 1));
    // A memory pattern is one more block as large as a whole run, for each set of input shapes; runs are no quicker.
    library.check('DisableMemPattern', api.disableMemPattern(pointer));
    if (options.profilePrefix !== undefined) {
      library.check('EnableProfiling', api.enableProfiling(pointer, options.profilePrefix));
    }
    for (const [key, value] of Object.entries(entries)) {
      library.check(`AddSessionConfigEntry ${key}`, api.addSessionConfigEntry(pointer, key, value));
    }
    appendDevice(library, owned, options.device);
    return owned;
  } catch (error) {
    owned[Symbol.dispose]();
    throw error;
  }
}

function appendDevice(library: Library, options: Owned, device: Device): void {
  if (device === 'cpu') return;
  const available = availableDevices(library);
  if (!available.includes(device)) throw new DeviceUnavailableError(device, available);
  try {
    const { appended } = providers[device];
    if (appended === undefined) appendCuda(library, options);
    else library.check(`Appending ${appended}`, library.api.appendProvider(options.pointer, appended, null, null, 0));
  } catch (cause) {
    if (cause instanceof OnnxRuntimeError) throw new DeviceUnavailableError(device, available, { cause });
    throw cause;
  }
}

function appendCuda(library: Library, options: Owned): void {
  const { api } = library;
  using cuda = library.own(
    'CreateCUDAProviderOptions',
    (out) => api.createCudaProviderOptions(out),
    api.releaseCudaProviderOptions,
  );
  library.check('Appending CUDA', api.appendCudaProvider(options.pointer, cuda.pointer));
}

function availableDevices(library: Library): Device[] {
  const { api } = library;
  const length = new Int32Array(1);
  using list = library.own(
    'GetAvailableProviders',
    (out) => api.getAvailableProviders(out, length),
    (pointer) => api.releaseAvailableProviders(pointer, length[0]!),
  );
  const names = library.readStrings(list.pointer, length[0]!);
  // The keys of `providers` are exactly the members of Device.
  return (Object.keys(providers) as Device[]).filter((device) => names.includes(providers[device].listed));
}
