import { copyRegion, type Tensor, tensor } from '@forge/tensor';
import { type Layout, layoutRegion } from './placement.ts';
import type { LaidOutTensor } from './sharded-tensor.ts';

/**
 * Cuts the piece of one rank out of a whole tensor, as a copy, ready to be put. Every rank that does so with its own
 * `layout.rank` needs the whole tensor, as there is no communication.
 *
 * @throws {LayoutError} when the layout does not fit the mesh or the shape, or its pieces are not contiguous.
 * Source: PyTorch `torch.distributed.tensor.distribute_tensor`.
 */
export function distribute(whole: Tensor, layout: Layout): LaidOutTensor {
  const { offset, size } = layoutRegion(whole.shape, layout);
  const local: Tensor = tensor(whole.dtype, size);
  // An empty piece begins outside of the tensor.
  if (!size.includes(0)) copyRegion(whole, local, { sourceOffset: offset, targetOffset: size.map(() => 0), size });
  return { local, globalShape: whole.shape, layout };
}
