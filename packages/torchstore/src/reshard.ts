import { intersect, type Region } from '@forge/tensor';

/** A part of a wanted region and where it lies. */
export interface PlannedCopy<Held> {
  readonly held: Held;
  /** Where the copy begins inside the held piece. */
  readonly sourceOffset: readonly number[];
  /** Where the copy begins inside the wanted region. */
  readonly targetOffset: readonly number[];
  readonly size: readonly number[];
}

/** How to assemble a region, and what of it nobody holds. */
export interface ReshardPlan<Held> {
  readonly copies: readonly PlannedCopy<Held>[];
  readonly uncovered: readonly Region[];
}

const isEmpty = ({ size }: Region) => size.includes(0);

/** What is left of a box without an inner box, as disjoint boxes: whole slabs of the outer dimensions first. */
function without(box: Region, inner: Region): Region[] {
  const rest: Region[] = [];
  const offset = [...box.offset];
  const size = [...box.size];
  for (let dim = 0; dim < offset.length; dim += 1) {
    const start = inner.offset[dim]!;
    const end = start + inner.size[dim]!;
    const boxEnd = offset[dim]! + size[dim]!;
    if (start > offset[dim]!) {
      rest.push({ offset: [...offset], size: size.with(dim, start - offset[dim]!) });
    }
    if (boxEnd > end) rest.push({ offset: offset.with(dim, end), size: size.with(dim, boxEnd - end) });
    offset[dim] = start;
    size[dim] = end - start;
  }
  return rest;
}

const relative = (offset: readonly number[], origin: readonly number[]) => offset.map((at, dim) => at - origin[dim]!);

/**
 * Plans how to assemble a wanted region from held pieces: every element exactly once, from the earliest piece in the list
 * that holds it, so replicas later in the list are not read.
 */
export function planReshard<Held extends { readonly region: Region }>(
  wanted: Region,
  pieces: readonly Held[],
): ReshardPlan<Held> {
  const copies: PlannedCopy<Held>[] = [];
  let open = isEmpty(wanted) ? [] : [wanted];
  for (const held of pieces) {
    if (open.length === 0) break;
    if (isEmpty(held.region)) continue;
    const next: Region[] = [];
    for (const box of open) {
      const part = intersect(box, held.region);
      if (part === undefined) {
        next.push(box);
        continue;
      }
      copies.push({
        held,
        sourceOffset: relative(part.offset, held.region.offset),
        targetOffset: relative(part.offset, wanted.offset),
        size: part.size,
      });
      next.push(...without(box, part));
    }
    open = next;
  }
  return { copies, uncovered: open };
}
