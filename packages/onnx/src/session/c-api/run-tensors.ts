import type { Tensor } from '@forge/tensor';
import type { ModelSignature, RunPlan } from '../plan-run.ts';
import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';
import type { Names } from './names.ts';
import type { SharedValues } from './shared-values.ts';
import { copyOfValue, valueOver } from './values.ts';

/** The tensors of one run as native values, in the arrays of pointers that `Run` takes; releases those that are not shared. */
export class RunTensors implements Disposable {
  readonly plan: RunPlan;
  readonly inputCount: number;
  readonly outputCount: number;
  /** Where the arrays of pointers lie. */
  readonly addresses: Readonly<Record<'inputNames' | 'inputs' | 'outputNames' | 'outputs', Pointer>>;
  readonly #library: Library;
  readonly #shared: SharedValues | undefined;
  /** Those that are in `#pointers`. */
  #taken: BigUint64Array | undefined;
  // Input names, input values, output names, output values; of the inputs the shared ones come last. `Run` fills in the
  // output values that are null.
  readonly #pointers: BigUint64Array;

  constructor(
    library: Library,
    { plan, shared }: { readonly plan: RunPlan; readonly shared: SharedValues | undefined },
    names: { readonly inputs: Names; readonly outputs: Names },
  ) {
    const { feeds, fetches } = plan;
    const sharedFeeds = shared?.feeds ?? [];
    this.#library = library;
    this.#shared = shared;
    this.plan = plan;
    this.inputCount = feeds.length + sharedFeeds.length;
    this.outputCount = fetches.length;
    this.#pointers = new BigUint64Array(2 * (this.inputCount + this.outputCount));
    const start = library.addressOf(this.#pointers);
    const at = (position: number): Pointer => start + BigInt(position * BigUint64Array.BYTES_PER_ELEMENT);
    this.addresses = {
      inputNames: at(0),
      inputs: at(this.inputCount),
      outputNames: at(2 * this.inputCount),
      outputs: at(this.#outputsAt),
    };
    try {
      for (const [position, { index, tensor }] of feeds.entries()) {
        this.#pointers[position] = names.inputs.pointers[index]!;
        this.#pointers[this.inputCount + position] = valueOver(library, tensor);
      }
      for (const [position, { index }] of sharedFeeds.entries()) {
        this.#pointers[feeds.length + position] = names.inputs.pointers[index]!;
      }
      for (const [position, { index, tensor }] of fetches.entries()) {
        this.#pointers[2 * this.inputCount + position] = names.outputs.pointers[index]!;
        if (tensor !== undefined) this.#pointers[this.#outputsAt + position] = valueOver(library, tensor);
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get #outputsAt(): number {
    return 2 * this.inputCount + this.outputCount;
  }

  /** Has the next run read the shared feeds of now. */
  takeShared(): void {
    const pointers = this.#shared?.pointers;
    if (pointers === undefined || pointers === this.#taken) return;
    this.#pointers.set(pointers, this.inputCount + this.plan.feeds.length);
    this.#taken = pointers;
  }

  /** The fetched tensors by name, after a run that succeeded. */
  results({ outputs }: ModelSignature): Record<string, Tensor> {
    const results = this.plan.fetches.map(({ index, tensor }, position) => {
      const { name } = outputs[index]!;
      return [name, tensor ?? copyOfValue(this.#library, name, this.#pointers[this.#outputsAt + position]!)] as const;
    });
    return Object.fromEntries(results);
  }

  [Symbol.dispose](): void {
    const { api } = this.#library;
    const values = [
      ...this.#pointers.subarray(this.inputCount, this.inputCount + this.plan.feeds.length),
      ...this.#pointers.subarray(this.#outputsAt),
    ];
    this.#pointers.fill(0n);
    for (const value of values) if (value !== 0n) api.releaseValue(value);
  }
}
