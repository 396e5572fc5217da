import { checkRegion } from './region.ts';
import { rowMajorStrides, type Shape } from './shape.ts';

/** A box of one row-major tensor and the equally large box of another that its elements go to. */
export interface BoxCopy {
  readonly sourceShape: Shape;
  readonly sourceOffset: readonly number[];
  readonly targetShape: Shape;
  readonly targetOffset: readonly number[];
  readonly size: readonly number[];
}

/** Equal loops over source and target: `count` steps of so many elements each. */
interface Loop {
  readonly count: number;
  readonly sourceStride: number;
  readonly targetStride: number;
}

/** A box copy as nested loops around one contiguous run. */
export interface RunPlan {
  /** Elements that lie side by side in both tensors; 0 when the box is empty. */
  readonly runLength: number;
  /** Outermost first; together they visit every run once, in rising order of both tensors. */
  readonly loops: readonly Loop[];
  readonly sourceStart: number;
  readonly targetStart: number;
}

function linearOffset(offset: readonly number[], strides: readonly number[]): number {
  return offset.reduce((sum, start, dim) => sum + start * strides[dim]!, 0);
}

/** The fewest loops around the longest runs that copy a box. @throws {RegionError} when a box leaves its tensor. */
export function planRuns({ sourceShape, sourceOffset, targetShape, targetOffset, size }: BoxCopy): RunPlan {
  checkRegion({ offset: sourceOffset, size }, sourceShape);
  checkRegion({ offset: targetOffset, size }, targetShape);
  const sourceStrides = rowMajorStrides(sourceShape);
  const targetStrides = rowMajorStrides(targetShape);
  let runLength = size.includes(0) ? 0 : 1;
  const loops: Loop[] = [];
  for (let dim = size.length - 1; dim >= 0; dim -= 1) {
    const count = size[dim]!;
    if (count === 1 || runLength === 0) continue;
    const sourceStride = sourceStrides[dim]!;
    const targetStride = targetStrides[dim]!;
    const inner = loops[0];
    if (inner === undefined && sourceStride === runLength && targetStride === runLength) {
      runLength *= count;
    } else if (
      inner !== undefined &&
      sourceStride === inner.count * inner.sourceStride &&
      targetStride === inner.count * inner.targetStride
    ) {
      loops[0] = { ...inner, count: inner.count * count };
    } else {
      loops.unshift({ count, sourceStride, targetStride });
    }
  }
  return {
    runLength,
    loops,
    sourceStart: linearOffset(sourceOffset, sourceStrides),
    targetStart: linearOffset(targetOffset, targetStrides),
  };
}

/** Calls `visit` with the first source and target element of every run of a plan. */
export function forEachRun(plan: RunPlan, visit: (source: number, target: number) => void): void {
  if (plan.runLength > 0)
    visitLoop(plan.loops, { depth: 0, source: plan.sourceStart, target: plan.targetStart }, visit);
}

interface Place {
  readonly depth: number;
  readonly source: number;
  readonly target: number;
}

function visitLoop(loops: readonly Loop[], place: Place, visit: (source: number, target: number) => void): void {
  const loop = loops[place.depth];
  if (loop === undefined) {
    visit(place.source, place.target);
    return;
  }
  const isInnermost = place.depth === loops.length - 1;
  for (let step = 0; step < loop.count; step += 1) {
    const source = place.source + step * loop.sourceStride;
    const target = place.target + step * loop.targetStride;
    if (isInnermost) visit(source, target);
    else visitLoop(loops, { depth: place.depth + 1, source, target }, visit);
  }
}
