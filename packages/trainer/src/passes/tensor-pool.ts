import { elementCount, type Shape, type Tensor, tensor } from '@forge/tensor';

/** Tensors start at multiples of this many floats: 64 bytes, one cache line. */
const ALIGNMENT = 16;

/** Memory for tensors whose shapes change from run to run. The tensors of one call are over before the next. */
export class TensorPool {
  #memory = new Float32Array(0);

  /** Tensors of these shapes, not zeroed. */
  allocate(named: readonly { readonly name: string; readonly shape: Shape }[]): Record<string, Tensor<'float32'>> {
    let end = 0;
    const offsets = named.map(({ shape }) => {
      const start = end;
      end += Math.ceil(elementCount(shape) / ALIGNMENT) * ALIGNMENT;
      return start;
    });
    // Grown with room to spare: micro-batches differ a little in size.
    if (end > this.#memory.length) this.#memory = new Float32Array(Math.ceil(1.1 * end));
    return Object.fromEntries(
      named.map(({ name, shape }, i) => {
        const start = offsets[i]!; // one a tensor
        return [name, tensor('float32', shape, this.#memory.subarray(start, start + elementCount(shape)))];
      }),
    );
  }
}
