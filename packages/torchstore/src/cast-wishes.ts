import {
  bytesOf,
  bytesPerElement,
  cast,
  fromBfloat16,
  fromFloat16,
  type Region,
  type Tensor,
  tensor,
  toBfloat16,
  toFloat16,
  viewElements,
} from '@forge/tensor';
import type { LocatedTensor } from './batch.ts';
import type { Wish } from './planner.ts';

/** Memory that a get with a cast takes beside its target. */
const scratchBytes = 16 * 2 ** 20;
/** Where each slab begins in it: enough for any dtype. */
const alignment = 64;

/** A part of a wish, contiguous in its target, that is read in the stored dtype and then cast into place. */
export interface CastSlab {
  /** What to read: its target is scratch memory. */
  readonly wish: Wish;
  /** Writes the elements that were read to where they belong. */
  readonly place: () => void;
}

interface Slab {
  readonly region: Region;
  readonly start: number;
  readonly count: number;
}

/** Cuts a region along its outermost dimensions; each slab is contiguous in it. */
function* slabsOf({ offset, size }: Region, maxElements: number, start = 0): Generator<Slab> {
  const count = size.reduce((product, extent) => product * extent, 1);
  if (count === 0) return;
  if (count <= maxElements) {
    yield { region: { offset, size }, start, count };
    return;
  }
  const dim = size.findIndex((extent) => extent > 1);
  const extent = size[dim]!; // more elements than one, so some dimension has
  const each = count / extent;
  const step = Math.max(1, Math.floor(maxElements / each));
  for (let at = 0; at < extent; at += step) {
    const part = { offset: offset.with(dim, offset[dim]! + at), size: size.with(dim, Math.min(step, extent - at)) };
    yield* slabsOf(part, maxElements, start + at * each);
  }
}

/** Groups of slabs that fit the scratch memory together: read and place one group before the next. */
export function* castGroups(wishes: Iterable<Wish>): Generator<CastSlab[]> {
  let scratch: ArrayBuffer | undefined;
  let group: CastSlab[] = [];
  let used = 0;
  for (const { located, region, target } of wishes) {
    const width = bytesPerElement(located.dtype);
    for (const slab of slabsOf(region, scratchBytes / width)) {
      const bytes = slab.count * width;
      if (used + bytes > scratchBytes) {
        yield group;
        group = [];
        used = 0;
      }
      scratch ??= new ArrayBuffer(scratchBytes);
      group.push(castSlab(located, slab, { target, scratch, byteOffset: used }));
      used += Math.ceil(bytes / alignment) * alignment;
    }
  }
  if (group.length > 0) yield group;
}

function castSlab(
  located: LocatedTensor,
  { region, start, count }: Slab,
  to: { readonly target: Tensor; readonly scratch: ArrayBuffer; readonly byteOffset: number },
): CastSlab {
  const { target, scratch, byteOffset } = to;
  const read: Tensor = tensor(located.dtype, region.size, viewElements(located.dtype, scratch, { byteOffset, count }));
  return { wish: { located, region, target: read }, place: () => castInto(read, target, start) };
}

/** Casts all elements of one tensor into a run of another. */
function castInto(source: Tensor, target: Tensor, start: number): void {
  const { length } = source.data;
  const from = source.data;
  const to = target.data.subarray(start, start + length);
  // The two half floats are both kept as Uint16Array, so the dtypes decide.
  if (source.dtype === 'float32' && target.dtype === 'bfloat16') toBfloat16(from as Float32Array, to as Uint16Array);
  else if (source.dtype === 'float32' && target.dtype === 'float16') toFloat16(from as Float32Array, to as Uint16Array);
  else if (source.dtype === 'bfloat16' && target.dtype === 'float32')
    fromBfloat16(from as Uint16Array, to as Float32Array);
  else if (source.dtype === 'float16' && target.dtype === 'float32')
    fromFloat16(from as Uint16Array, to as Float32Array);
  else bytesOf(target).set(bytesOf(cast(source, target.dtype)), start * bytesPerElement(target.dtype));
}
