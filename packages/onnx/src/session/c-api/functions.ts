/** Where a native object lies; 0 is never one. */
export type Pointer = bigint;

/** The C types in use, with the JavaScript values that stand for them. */
interface ValueOf {
  readonly 'void *': Pointer | ArrayBufferView | null;
  readonly int: number;
  readonly size_t: number;
  readonly bool: boolean;
  readonly str: string;
  readonly str16: string;
}

/** What native functions return: a status or a pointer (null is success or nothing), a number, a string. */
interface ResultOf {
  readonly 'void *': Pointer | null;
  readonly void: undefined;
  readonly int: number;
  readonly str: string;
}

/** A function as its table has it. */
export interface NativeFunction {
  /** Place in the table. */
  readonly at: number;
  readonly result: keyof ResultOf;
  readonly parameters: readonly (keyof ValueOf)[];
}

/**
 * The version of the C API that the table below is read as. The table only ever grows at its end, so every later library
 * has these functions at these places too.
 */
export const apiVersion = 22;

const status = 'void *';
const pointer = 'void *';
/** Paths are UTF-16 on Windows. */
const path = process.platform === 'win32' ? 'str16' : 'str';

/** The functions of `OrtApi` in use. Source: onnxruntime_c_api.h, `struct OrtApi`. */
export const functions = {
  getErrorCode: { at: 1, result: 'int', parameters: [pointer] },
  getErrorMessage: { at: 2, result: 'str', parameters: [pointer] },
  createEnv: { at: 3, result: status, parameters: ['int', 'str', pointer] },
  createSessionFromArray: { at: 8, result: status, parameters: [pointer, pointer, 'size_t', pointer, pointer] },
  run: {
    at: 9,
    result: status,
    parameters: [pointer, pointer, pointer, pointer, 'size_t', pointer, 'size_t', pointer],
  },
  createSessionOptions: { at: 10, result: status, parameters: [pointer] },
  enableProfiling: { at: 14, result: status, parameters: [pointer, path] },
  disableMemPattern: { at: 17, result: status, parameters: [pointer] },
  setSessionLogSeverityLevel: { at: 22, result: status, parameters: [pointer, 'int'] },
  setSessionGraphOptimizationLevel: { at: 23, result: status, parameters: [pointer, 'int'] },
  setIntraOpNumThreads: { at: 24, result: status, parameters: [pointer, 'int'] },
  setInterOpNumThreads: { at: 25, result: status, parameters: [pointer, 'int'] },
  sessionGetInputCount: { at: 30, result: status, parameters: [pointer, pointer] },
  sessionGetOutputCount: { at: 31, result: status, parameters: [pointer, pointer] },
  sessionGetInputTypeInfo: { at: 33, result: status, parameters: [pointer, 'size_t', pointer] },
  sessionGetOutputTypeInfo: { at: 34, result: status, parameters: [pointer, 'size_t', pointer] },
  sessionGetInputName: { at: 36, result: status, parameters: [pointer, 'size_t', pointer, pointer] },
  sessionGetOutputName: { at: 37, result: status, parameters: [pointer, 'size_t', pointer, pointer] },
  createRunOptions: { at: 39, result: status, parameters: [pointer] },
  runOptionsSetTerminate: { at: 46, result: status, parameters: [pointer] },
  createTensorWithDataAsOrtValue: {
    at: 49,
    result: status,
    parameters: [pointer, pointer, 'size_t', pointer, 'size_t', 'int', pointer],
  },
  getTensorMutableData: { at: 51, result: status, parameters: [pointer, pointer] },
  castTypeInfoToTensorInfo: { at: 55, result: status, parameters: [pointer, pointer] },
  getTensorElementType: { at: 60, result: status, parameters: [pointer, pointer] },
  getDimensionsCount: { at: 61, result: status, parameters: [pointer, pointer] },
  getDimensions: { at: 62, result: status, parameters: [pointer, pointer, 'size_t'] },
  getSymbolicDimensions: { at: 63, result: status, parameters: [pointer, pointer, 'size_t'] },
  getTensorTypeAndShape: { at: 65, result: status, parameters: [pointer, pointer] },
  createCpuMemoryInfo: { at: 69, result: status, parameters: ['int', 'int', pointer] },
  allocatorFree: { at: 76, result: status, parameters: [pointer, pointer] },
  getAllocatorWithDefaultOptions: { at: 78, result: status, parameters: [pointer] },
  releaseStatus: { at: 93, result: 'void', parameters: [pointer] },
  releaseSession: { at: 95, result: 'void', parameters: [pointer] },
  releaseValue: { at: 96, result: 'void', parameters: [pointer] },
  releaseRunOptions: { at: 97, result: 'void', parameters: [pointer] },
  releaseTypeInfo: { at: 98, result: 'void', parameters: [pointer] },
  releaseTensorTypeAndShapeInfo: { at: 99, result: 'void', parameters: [pointer] },
  releaseSessionOptions: { at: 100, result: 'void', parameters: [pointer] },
  getAvailableProviders: { at: 125, result: status, parameters: [pointer, pointer] },
  releaseAvailableProviders: { at: 126, result: status, parameters: [pointer, 'int'] },
  addSessionConfigEntry: { at: 130, result: status, parameters: [pointer, 'str', 'str'] },
  appendCudaProvider: { at: 204, result: status, parameters: [pointer, pointer] },
  createCudaProviderOptions: { at: 205, result: status, parameters: [pointer] },
  releaseCudaProviderOptions: { at: 208, result: 'void', parameters: [pointer] },
  appendProvider: { at: 216, result: status, parameters: [pointer, 'str', pointer, pointer, 'size_t'] },
  releaseValueInfo: { at: 285, result: 'void', parameters: [pointer] },
  releaseGraph: { at: 287, result: 'void', parameters: [pointer] },
  releaseModel: { at: 288, result: 'void', parameters: [pointer] },
  getModelEditorApi: { at: 291, result: pointer, parameters: [] },
  createTensorWithDataAndDeleterAsOrtValue: {
    at: 292,
    result: status,
    parameters: [pointer, pointer, 'size_t', pointer, 'size_t', 'int', pointer],
  },
} as const satisfies Readonly<Record<string, NativeFunction>>;

/** The functions of `OrtModelEditorApi` in use. Source: onnxruntime_c_api.h, `struct OrtModelEditorApi`. */
export const editorFunctions = {
  createValueInfo: { at: 5, result: status, parameters: ['str', pointer, pointer] },
  createGraph: { at: 7, result: status, parameters: [pointer] },
  setGraphInputs: { at: 8, result: status, parameters: [pointer, pointer, 'size_t'] },
  addInitializerToGraph: { at: 10, result: status, parameters: [pointer, 'str', pointer, 'bool'] },
  createModel: { at: 12, result: status, parameters: [pointer, pointer, 'size_t', pointer] },
  addGraphToModel: { at: 13, result: status, parameters: [pointer, pointer] },
  createModelEditorSessionFromArray: {
    at: 16,
    result: status,
    parameters: [pointer, pointer, 'size_t', pointer, pointer],
  },
  applyModelToModelEditorSession: { at: 18, result: status, parameters: [pointer, pointer] },
  finalizeModelEditorSession: { at: 19, result: status, parameters: [pointer, pointer, pointer] },
} as const satisfies Readonly<Record<string, NativeFunction>>;

type Arguments<Parameters extends readonly (keyof ValueOf)[]> = {
  -readonly [I in keyof Parameters]: ValueOf[Parameters[I]];
};

/** A native function: called here and now, or on another thread. */
interface Callable<Args extends readonly unknown[], Result> {
  (...args: Args): Result;
  async(...args: [...Args, (error: Error | null, result: Result) => void]): void;
}

/** A table of native functions as functions; every rule of C applies to their arguments. */
export type Callables<Functions extends Readonly<Record<string, NativeFunction>>> = {
  readonly [Name in keyof Functions]: Callable<
    Arguments<Functions[Name]['parameters']>,
    ResultOf[Functions[Name]['result']]
  >;
};

/** The C API. */
export type Api = Callables<typeof functions>;

/** The part of it that builds and changes models. */
export type EditorApi = Callables<typeof editorFunctions>;
