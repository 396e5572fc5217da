import type { WasmModule } from './memory.ts';

/**
 * The JavaScript values that Python refers to by number, at one moment. They lie outside of its memory; which numbers are in
 * use lies in it.
 */
export class HandleTable {
  readonly #module: WasmModule;
  readonly #values: readonly unknown[];

  constructor(module: WasmModule) {
    this.#module = module;
    this.#values = [...valuesOf(module)];
  }

  reset(): void {
    for (const [handle, value] of this.#values.entries()) this.#module.__hiwire_set(handle, value);
  }
}

function* valuesOf(module: WasmModule): Generator<unknown> {
  for (let handle = 0; ; handle++) {
    let value: unknown;
    try {
      value = module.__hiwire_get(handle);
    } catch {
      return; // the table ends here
    }
    yield value;
  }
}
