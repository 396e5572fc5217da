import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OnnxRuntimeError, RuntimeUnavailableError } from '../errors.ts';
import {
  type Api,
  apiVersion,
  type Callables,
  type EditorApi,
  editorFunctions,
  functions,
  type NativeFunction,
  type Pointer,
} from './functions.ts';
import { InitializerLoans } from './initializer-loans.ts';
import { type Koffi, loadKoffi } from './koffi.ts';
import { OffThread } from './off-thread.ts';
import { Owned } from './owned.ts';

/** `OrtErrorCode`, in its order. Source: onnxruntime_c_api.h. */
const statusNames = [
  'OK',
  'FAIL',
  'INVALID_ARGUMENT',
  'NO_SUCHFILE',
  'NO_MODEL',
  'ENGINE_ERROR',
  'RUNTIME_EXCEPTION',
  'INVALID_PROTOBUF',
  'MODEL_LOADED',
  'NOT_IMPLEMENTED',
  'INVALID_GRAPH',
  'EP_FAIL',
  'MODEL_LOAD_CANCELED',
  'MODEL_REQUIRES_COMPILATION',
  'NOT_FOUND',
  'DEVICE_RESET',
];

// Every failure arrives as an error; onnxruntime need not write it to stderr as well.
const loggingLevelFatal = 4;
const arenaAllocator = 1;
const memoryTypeDefault = 0;

/** onnxruntime's library in this process: its functions, and the few objects that live as long as it. */
export class Library {
  readonly api: Api;
  readonly editor: EditorApi;
  /** Describes memory of the CPU. */
  readonly cpuMemory: Pointer;
  /** Frees the strings that the API hands out. */
  readonly allocator: Pointer;
  readonly environment: Pointer;
  readonly offThread = new OffThread();
  readonly loans: InitializerLoans;
  readonly #koffi: Koffi;
  // koffi unloads a library that nothing refers to, and calls would jump into nothing.
  readonly #handle: ReturnType<Koffi['load']>;

  constructor(koffi: Koffi, path: string) {
    this.#koffi = koffi;
    this.#handle = koffi.load(path);
    this.api = this.#functions(this.#findTable(), functions);
    this.editor = this.#functions(this.api.getModelEditorApi(), editorFunctions);
    this.environment = this.create('CreateEnv', (out) => this.api.createEnv(loggingLevelFatal, 'forge', out));
    this.cpuMemory = this.create('CreateCpuMemoryInfo', (out) =>
      this.api.createCpuMemoryInfo(arenaAllocator, memoryTypeDefault, out),
    );
    this.allocator = this.create('GetAllocatorWithDefaultOptions', (out) =>
      this.api.getAllocatorWithDefaultOptions(out),
    );
    this.loans = new InitializerLoans(koffi, this.cpuMemory);
  }

  /** @throws {OnnxRuntimeError} when the status is a failure; the status is released. */
  check(operation: string, status: Pointer | null): void {
    if (status === null) return;
    using owned = new Owned(status, this.api.releaseStatus);
    const code = this.api.getErrorCode(owned.pointer);
    throw new OnnxRuntimeError(operation, this.api.getErrorMessage(owned.pointer), {
      status: statusNames[code] ?? `code ${code}`,
    });
  }

  /** What a call writes to its out-parameter. @throws {OnnxRuntimeError} */
  create(operation: string, call: (out: BigUint64Array) => Pointer | null): Pointer {
    const out = new BigUint64Array(1);
    this.check(operation, call(out));
    return out[0]!;
  }

  /** Like {@link create}, for objects that have a release function. @throws {OnnxRuntimeError} */
  own(operation: string, call: (out: BigUint64Array) => Pointer | null, release: (pointer: Pointer) => unknown): Owned {
    return new Owned(this.create(operation, call), release);
  }

  /**
   * Where the elements of an array lie. Valid as long as the array is alive and its buffer is not transferred.
   *
   * An array of up to 64 bytes is born on V8's heap, where it moves; asking for its buffer takes it off for good.
   */
  addressOf(array: ArrayBufferView): Pointer {
    return this.#koffi.address(array.buffer) + BigInt(array.byteOffset);
  }

  /** Native memory as an array buffer; only valid while its native owner is. */
  view(pointer: Pointer, byteLength: number): ArrayBuffer {
    return this.#koffi.view(pointer, byteLength);
  }

  /** A zero-terminated string in native memory. */
  readString(pointer: Pointer): string {
    return this.#koffi.decode.string(pointer);
  }

  /** An array of strings in native memory. */
  readStrings(pointer: Pointer, count: number): string[] {
    return this.#koffi.decode(pointer, this.#koffi.array('str', count));
  }

  /** A string that the API allocated, which is freed. @throws {OnnxRuntimeError} */
  takeString(operation: string, call: (out: BigUint64Array) => Pointer | null): string {
    using owned = this.own(operation, call, (pointer) => this.api.allocatorFree(this.allocator, pointer));
    return this.readString(owned.pointer);
  }

  #findTable(): Pointer {
    const koffi = this.#koffi;
    const entry: unknown = this.#handle.func('OrtGetApiBase', 'void *', [])();
    const [getApi, getVersion] = koffi.decode(entry, koffi.array('void *', 2));
    const table = koffi.decode(getApi, koffi.proto('void *', ['uint32_t']))(apiVersion);
    if (table !== null) return table;
    const version: string = koffi.decode(getVersion, koffi.proto('str', []))();
    throw new RuntimeUnavailableError(
      'c-api',
      `onnxruntime ${version} does not have version ${apiVersion} of the C API. Install a newer onnxruntime-node.`,
    );
  }

  #functions<Functions extends Readonly<Record<string, NativeFunction>>>(
    table: Pointer | null,
    listed: Functions,
  ): Callables<Functions> {
    const koffi = this.#koffi;
    if (table === null) throw new RuntimeUnavailableError('c-api', 'this onnxruntime is a minimal build.');
    const length = Math.max(...Object.values(listed).map(({ at }) => at)) + 1;
    const pointers = koffi.decode(table, koffi.array('void *', length));
    const bound = Object.entries(listed).map(([name, { at, result, parameters }]) => [
      name,
      koffi.decode(pointers[at], koffi.proto(result, [...parameters])),
    ]);
    // Each function is decoded with the very C types that `Callables` translates.
    return Object.fromEntries(bound) as Callables<Functions>;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let loading: Promise<Library> | undefined;

/**
 * The library that onnxruntime-node ships, loaded at the first call and never unloaded: onnxruntime does not survive that.
 * @throws {RuntimeUnavailableError} when koffi or the library does not load.
 */
export function loadLibrary(): Promise<Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Library> {
  try {
    return new Library(await loadKoffi(), libraryPath());
  } catch (cause) {
    if (cause instanceof RuntimeUnavailableError) throw cause;
    throw new RuntimeUnavailableError('c-api', messageOf(cause), { cause });
  }
}

const libraryFile = /^(libonnxruntime(\.\d+)*\.dylib|libonnxruntime\.so(\.\d+)*|onnxruntime\.dll)$/;

function libraryPath(): string {
  const packageFile = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const bin = join(dirname(packageFile), 'bin');
  for (const abi of readdirSync(bin)) {
    const folder = join(bin, abi, process.platform, process.arch);
    const file = listFolder(folder).find((name) => libraryFile.test(name));
    if (file !== undefined) return join(folder, file);
  }
  throw new RuntimeUnavailableError(
    'c-api',
    `onnxruntime-node ships no library for ${process.platform} on ${process.arch} (looked in ${bin}).`,
  );
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // A platform that the package does not ship for has no folder.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
