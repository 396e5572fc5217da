import type { Region, Shape } from '@forge/tensor';
import { LayoutError } from './errors.ts';

/** How one dimension of a device mesh divides a tensor. */
export type Placement =
  | { readonly type: 'replicate' }
  | { readonly type: 'shard'; readonly dim: number }
  | { readonly type: 'stridedShard'; readonly dim: number; readonly splitFactor: number };

/** One rank's place on a device mesh that a tensor is laid out on. */
export interface Layout {
  /** Size of each mesh dimension; ranks count row-major. */
  readonly mesh: readonly number[];
  /** One placement for each mesh dimension. */
  readonly placements: readonly Placement[];
  readonly rank: number;
}

/** Cuts a tensor dimension into equal pieces, the last ones shorter or empty; a negative `dim` counts from the end. */
export function shard(dim: number): Placement {
  return { type: 'shard', dim };
}

/** Gives every rank along the mesh dimension the same piece. */
export function replicate(): Placement {
  return { type: 'replicate' };
}

/**
 * Cuts a tensor dimension after a mesh dimension further right has cut it (FSDP over tensor parallelism).
 * `splitFactor` is the number of pieces that exist by then.
 */
export function stridedShard(dim: number, splitFactor: number): Placement {
  return { type: 'stridedShard', dim, splitFactor };
}

/** Number of ranks of a mesh. */
export function rankCount(mesh: readonly number[]): number {
  return mesh.reduce((product, size) => product * size, 1);
}

/** The place of a rank on its mesh, one number for each mesh dimension. */
export function rankCoordinate({ mesh, rank }: Pick<Layout, 'mesh' | 'rank'>): number[] {
  const coordinate = new Array<number>(mesh.length);
  let rest = rank;
  for (let dim = mesh.length - 1; dim >= 0; dim -= 1) {
    coordinate[dim] = rest % mesh[dim]!;
    rest = Math.floor(rest / mesh[dim]!);
  }
  return coordinate;
}

/** Whether a rank is the first of those that hold the same piece. */
export function isFirstReplica(layout: Layout): boolean {
  const coordinate = rankCoordinate(layout);
  return layout.placements.every((placement, dim) => placement.type !== 'replicate' || coordinate[dim] === 0);
}

const placementTypes: ReadonlySet<string> = new Set<Placement['type']>(['replicate', 'shard', 'stridedShard']);

function checkLayout({ mesh, placements, rank }: Layout): void {
  const sizes = () => `mesh [${mesh.join(', ')}]`; // most layouts are right
  if (!mesh.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new LayoutError(`${sizes()} is not a mesh: each size must be a whole number of at least 1.`);
  }
  if (placements.length !== mesh.length) {
    throw new LayoutError(
      `${sizes()} needs ${mesh.length} placements, one for each dimension, but got ${placements.length}.`,
    );
  }
  const unknown = placements.find(({ type }) => !placementTypes.has(type));
  if (unknown !== undefined) {
    throw new LayoutError(
      `A placement of type '${unknown.type}' cannot be stored: it must be one of ${[...placementTypes].join(', ')}. ` +
        'Reduce partial sums first.',
    );
  }
  if (!Number.isSafeInteger(rank) || rank < 0 || rank >= rankCount(mesh)) {
    throw new LayoutError(`Rank ${rank} is not on ${sizes()}: give one from 0 to ${rankCount(mesh) - 1}.`);
  }
}

function tensorDim(dim: number, shape: Shape): number {
  const normal = dim < 0 ? dim + shape.length : dim;
  if (!Number.isSafeInteger(normal) || normal < 0 || normal >= shape.length) {
    throw new LayoutError(`Dimension ${dim} cannot be sharded: the tensor has shape [${shape.join(', ')}].`);
  }
  return normal;
}

/** The tensor dim that each mesh dim cuts, in the order in which the cuts are made. */
function cuts({ mesh, placements }: Layout, shape: Shape): { readonly meshDim: number; readonly dim: number }[] {
  const order: { meshDim: number; dim: number }[] = [];
  const waiting = new Map<number, { readonly meshDim: number; readonly splitFactor: number }[]>();
  for (const [meshDim, placement] of placements.entries()) {
    if (placement.type === 'replicate') continue;
    const dim = tensorDim(placement.dim, shape);
    if (placement.type === 'stridedShard') {
      waiting.set(dim, [...(waiting.get(dim) ?? []), { meshDim, splitFactor: placement.splitFactor }]);
      continue;
    }
    order.push({ meshDim, dim });
    let pieces = mesh[meshDim]!;
    for (const strided of (waiting.get(dim) ?? []).reverse()) {
      if (strided.splitFactor !== pieces) {
        throw new LayoutError(
          `stridedShard(${dim}, ${strided.splitFactor}) on mesh dimension ${strided.meshDim} needs splitFactor ${pieces}: ` +
            'the number of pieces that the placements to its right make.',
        );
      }
      order.push({ meshDim: strided.meshDim, dim });
      pieces *= mesh[strided.meshDim]!;
    }
    waiting.delete(dim);
  }
  for (const dim of waiting.keys()) {
    throw new LayoutError(
      `stridedShard(${dim}, …) has no shard(${dim}) to its right: its pieces would not be contiguous. Put them as regions.`,
    );
  }
  return order;
}

/**
 * The piece of a tensor that a rank holds, cut exactly as DTensor cuts it. An empty piece begins at the end of the
 * dimension, outside the tensor.
 * @throws {LayoutError} when the layout does not fit the mesh or the shape, or its pieces are not contiguous.
 */
export function layoutRegion(globalShape: Shape, layout: Layout): Region {
  checkLayout(layout);
  const coordinate = rankCoordinate(layout);
  const offset = globalShape.map(() => 0);
  const size = [...globalShape];
  for (const { meshDim, dim } of cuts(layout, globalShape)) {
    const extent = size[dim]!;
    const piece = Math.ceil(extent / layout.mesh[meshDim]!);
    const start = Math.min(piece * coordinate[meshDim]!, extent);
    const length = Math.min(piece, extent - start);
    offset[dim] = length === 0 ? globalShape[dim]! : offset[dim]! + start;
    size[dim] = length;
  }
  return { offset, size };
}
