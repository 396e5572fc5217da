import { ExtentError } from '../errors.ts';
import { checkedIndex, NamedExtent } from './extent.ts';

/** A range of one dimension: `from` inclusive, `to` exclusive. */
export interface Span {
  /** @default 0 */
  readonly from?: number;
  /** @default the size of the dimension */
  readonly to?: number;
  /** @default 1 */
  readonly step?: number;
}

/** Which coordinates of each dimension to keep: an integer fixes (and drops) the dimension, a span keeps it. */
export type Selection<D extends string> = { readonly [K in D]?: number | Span };

/** The dimensions left after a selection: those fixed by an integer leave the type; spans keep theirs. */
export type Kept<D extends string, S> = {
  [K in D]: K extends keyof S ? (S[K] extends number ? never : K) : K;
}[D];

/** A selection worked out: the extent that is left, and the rank in the old extent of each of its points. */
export interface Selected {
  readonly extent: NamedExtent<string>;
  readonly ranks: readonly number[];
}

/** Coordinates that `choice` takes from a dimension of `size`. */
function coordinates(label: string, size: number, choice: number | Span): readonly number[] {
  if (typeof choice === 'number') return [checkedIndex(label, size, choice)];
  const { from = 0, to = size, step = 1 } = choice;
  if (!Number.isInteger(from) || from < 0 || !Number.isInteger(to) || to > size) {
    throw new ExtentError(`Span ${from}…${to} of dimension '${label}' is outside 0…${size}.`);
  }
  if (!Number.isInteger(step) || step < 1) {
    throw new ExtentError(`Step ${step} of dimension '${label}' is not a positive integer.`);
  }
  if (from >= to) throw new ExtentError(`Span ${from}…${to} of dimension '${label}' is empty.`);
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
}

/** Works out `selection` on `extent`. @throws {ExtentError} on an unknown dimension or a coordinate outside it. */
export function select(extent: NamedExtent<string>, selection: Selection<string>): Selected {
  for (const label of Object.keys(selection)) extent.axis(label);
  const labels: string[] = [];
  const sizes: number[] = [];
  let ranks: readonly number[] = [0];
  extent.labels.forEach((label, axis) => {
    const choice = selection[label] ?? {};
    const chosen = coordinates(label, extent.sizes[axis]!, choice);
    if (typeof choice !== 'number') {
      labels.push(label);
      sizes.push(chosen.length);
    }
    const stride = extent.stride(axis);
    ranks = ranks.flatMap((rank) => chosen.map((coordinate) => rank + coordinate * stride));
  });
  return { extent: new NamedExtent(labels, sizes), ranks };
}
