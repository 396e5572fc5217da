import type { loadPyodide as LoadPyodide, PyodideInterface } from 'pyodide';
import { Deadline } from './deadline.ts';
import { FileTree } from './file-tree.ts';
import { HandleTable } from './handle-table.ts';
import { freezeIntrinsics, lockDown } from './lock-down.ts';
import { limitMemory, type WasmModule } from './memory.ts';
import { IMPORTED, PROGRAM } from './python.ts';

/** Where an execution reads and writes. */
export interface Streams {
  readonly stdin: Uint8Array;
  readonly write: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;
}

/**
 * A Python interpreter that forgets: after each execution its memory, its files and its table of handles are again what they
 * were before, byte for byte, so that no snippet can leave anything for the next.
 */
export class Interpreter {
  readonly #module: WasmModule;
  readonly #deadline: Deadline;
  readonly #execute: (code: string) => string | undefined;
  readonly #memory: Uint8Array;
  readonly #files: FileTree;
  readonly #handles: HandleTable;
  #streams: Streams = { stdin: new Uint8Array(), write: () => {} };
  #read = 0;

  private constructor(pyodide: PyodideInterface) {
    this.#module = (pyodide as unknown as { readonly _module: WasmModule })._module;
    this.#deadline = new Deadline();
    // Polled now and then by the bytecode loop, as an array of one number. Source: pyodide `setInterruptBuffer`.
    pyodide.setInterruptBuffer(this.#deadline as unknown as Uint8Array);
    for (const stream of ['stdout', 'stderr'] as const) {
      const options = {
        write: (bytes: Uint8Array) => {
          this.#streams.write(stream, bytes);
          return bytes.length;
        },
        isatty: false,
      };
      if (stream === 'stdout') pyodide.setStdout(options);
      else pyodide.setStderr(options);
    }
    pyodide.setStdin({
      read: (into: Uint8Array) => {
        const bytes = this.#streams.stdin.subarray(this.#read, this.#read + into.length);
        into.set(bytes);
        this.#read += bytes.length;
        return bytes.length;
      },
      isatty: false,
    });
    this.#execute = pyodide.runPython(PROGRAM) as (code: string) => string | undefined;
    this.#execute('1 + 1'); // what is made on the first call is part of the state
    this.#files = new FileTree(pyodide.FS);
    this.#handles = new HandleTable(this.#module);
    this.#memory = this.#module.HEAPU8.slice();
  }

  /** Loads Python from an image of its memory, and closes every door out of it. */
  static async open(pyodideUrl: string, image: Uint8Array, memoryBytes: number): Promise<Interpreter> {
    // What is freed later, on the heap of JavaScript, must not touch memory that was put back meanwhile.
    globalThis.FinalizationRegistry = class {
      register(): void {}
      unregister(): boolean {
        return false;
      }
    } as unknown as typeof FinalizationRegistry;
    const pyodide = await load(pyodideUrl, { _loadSnapshot: image });
    limitMemory(memoryBytes);
    const interpreter = new Interpreter(pyodide);
    freezeIntrinsics();
    return interpreter;
  }

  /**
   * Runs code to its end, or until its time is over.
   *
   * @throws when the interpreter is broken; the process is of no use then.
   */
  run(
    code: string,
    timeoutMs: number,
    streams: Streams,
  ): { readonly result: string | undefined; readonly timedOut: boolean } {
    this.#streams = streams;
    this.#read = 0;
    this.#deadline.start(timeoutMs);
    const result = this.#execute(code);
    return { result, timedOut: this.#deadline.stop() };
  }

  /** Puts everything back as it was before the execution. */
  reset(): void {
    const heap = this.#module.HEAPU8;
    heap.set(this.#memory);
    heap.fill(0, this.#memory.length);
    this.#handles.reset();
    this.#files.reset();
  }
}

/** The memory of a Python that has just started and has imported what is imported most: from it, one starts six times as fast. */
export async function makeImage(pyodideUrl: string): Promise<Uint8Array> {
  const pyodide = await load(pyodideUrl, { _makeSnapshot: true });
  pyodide.runPython(`import ${IMPORTED.join(', ')}`);
  return pyodide.makeMemorySnapshot();
}

/** Loads Pyodide, which is named by its URL: this process may not look for packages. */
async function load(
  pyodideUrl: string,
  options: { readonly _loadSnapshot: Uint8Array } | { readonly _makeSnapshot: true },
): Promise<PyodideInterface> {
  const { loadPyodide } = (await import(pyodideUrl)) as { readonly loadPyodide: typeof LoadPyodide };
  lockDown();
  return await loadPyodide({
    ...options,
    jsglobals: Object.create(null) as object,
    env: { HOME: '/home/pyodide', PYTHONHASHSEED: '0' },
  });
}
