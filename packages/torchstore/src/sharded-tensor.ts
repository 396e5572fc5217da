import { checkRegion, type Region, type Shape, sameShape, type Tensor, tensor, wholeRegion } from '@forge/tensor';
import { describeTensor, MismatchError } from './errors.ts';
import { isFirstReplica, type Layout, layoutRegion, rankCount } from './placement.ts';

/** A piece of a tensor that is laid out on a mesh: the piece that `layout.rank` holds. */
export interface LaidOutTensor {
  readonly local: Tensor;
  readonly globalShape: Shape;
  readonly layout: Layout;
}

/** A piece of a tensor at an explicit region. */
export interface RegionTensor {
  readonly local: Tensor;
  readonly globalShape: Shape;
  readonly region: Region;
}

/** A piece of a larger tensor. */
export type ShardedTensor = LaidOutTensor | RegionTensor;

/** Whether a value is a piece of a larger tensor rather than a whole one. */
export function isSharded(value: Tensor | ShardedTensor): value is ShardedTensor {
  return 'local' in value;
}

/** Which of how many ranks put something together. */
export interface Participant {
  readonly rank: number;
  readonly ranks: number;
}

/** A piece as the store sees it, whatever way it was given. */
export interface Piece {
  readonly key: string;
  readonly local: Tensor;
  readonly globalShape: Shape;
  readonly region: Region;
  /** Who else has to put; undefined when the regions alone decide. */
  readonly participant: Participant | undefined;
  /** The piece is complete elsewhere too: another rank of the layout holds the same region. */
  readonly isReplica: boolean;
  /** Equal for all ranks of one layout; pieces of different layouts are never mixed. */
  readonly layoutDigest: string;
}

function checkLocal(key: string, local: Tensor, expected: Shape): void {
  if (sameShape(local.shape, expected)) return;
  throw new MismatchError(key, {
    expected: describeTensor(local.dtype, expected),
    actual: describeTensor(local.dtype, local.shape),
  });
}

/**
 * The piece that a value stands for, checked against its layout or region.
 * @throws {MismatchError} when the local tensor has another shape than its piece.
 * @throws {LayoutError} when the layout is malformed; ShapeError and DTypeError of tensor when its data are not what it says.
 */
export function pieceOf(key: string, value: Tensor | ShardedTensor): Piece {
  const { dtype, shape: own, data } = isSharded(value) ? value.local : value;
  tensor(dtype, own, data); // which checks that its data are what it says
  if (!isSharded(value)) {
    const { shape } = value;
    const participant = { rank: 0, ranks: 1 };
    const region = wholeRegion(shape);
    return { key, local: value, globalShape: shape, region, participant, isReplica: false, layoutDigest: 'whole' };
  }
  const { local, globalShape } = value;
  if ('region' in value) {
    const { region } = value;
    checkRegion(region, globalShape);
    checkLocal(key, local, region.size);
    const layoutDigest = `regions of ${describeTensor(local.dtype, globalShape)}`;
    return { key, local, globalShape, region, participant: undefined, isReplica: false, layoutDigest };
  }
  const { layout } = value;
  const region = layoutRegion(globalShape, layout);
  checkLocal(key, local, region.size);
  const { mesh, placements, rank } = layout;
  return {
    key,
    local,
    globalShape,
    region,
    participant: { rank, ranks: rankCount(mesh) },
    isReplica: !isFirstReplica(layout),
    layoutDigest: JSON.stringify([local.dtype, globalShape, mesh, placements]),
  };
}
