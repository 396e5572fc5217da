import { inspect } from 'node:util';
import { ExtentError } from '../errors.ts';
import { type Names, type PartSizes, type Parts, type Renamed, type Split, splitSizes } from './reshape.ts';

/** One place in an extent: a rank, and its coordinate in each dimension. */
export interface Point<D extends string> {
  readonly rank: number;
  readonly extent: Extent<D>;
  /** Coordinate in `dim`. @throws {ExtentError} when the extent has no such dimension. */
  at(dim: D): number;
}

/** Named dimensions of a mesh, row-major: the last one is fastest. No dimensions is exactly one place. */
export interface Extent<D extends string> {
  readonly labels: readonly D[];
  /** Size of each dimension, in the order of the labels. */
  readonly sizes: readonly number[];
  readonly size: number;
  /** Size of one dimension. @throws {ExtentError} when there is no such dimension. */
  of(dim: D): number;
  /** The point of one rank. @throws {ExtentError} when the rank is outside. */
  point(rank: number): Point<D>;
  /** The rank at a coordinate in every dimension. @throws {ExtentError} when one is missing, unknown or outside. */
  rankOf(at: { readonly [K in D]: number }): number;
  /** Every point, in rank order. */
  points(): Iterable<Point<D>>;
  /** The same places as one dimension, in the same order. */
  flatten<const N extends string>(name: N): Extent<N>;
  /** The same places with dimensions cut into several, as {@link Parts} says. @throws {ExtentError} when they do not fit. */
  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): Extent<Split<D, P>>;
  /** The same places under other names. @throws {ExtentError} on an unknown dimension, or a name that is taken. */
  rename<const N extends Names<D>>(names: N): Extent<Renamed<D, N>>;
}

/** Anything that has one member a point. */
export interface Shaped<D extends string> {
  readonly extent: Extent<D>;
  /** Number of members: the product of the dimensions. */
  readonly length: number;
}

/** The one implementation of {@link Extent}. */
export class NamedExtent<D extends string> implements Extent<D> {
  readonly labels: readonly D[];
  readonly sizes: readonly number[];
  readonly size: number;

  /** @throws {ExtentError} when a size is not a positive integer, or a label occurs twice. */
  constructor(labels: readonly D[], sizes: readonly number[]) {
    labels.forEach((label, i) => {
      const size = sizes[i];
      if (typeof label !== 'string' || label === '') throw new ExtentError(`'${label}' cannot name a dimension.`);
      if (size === undefined || !Number.isSafeInteger(size) || size < 1) {
        throw new ExtentError(`Dimension '${label}' has size ${size}. Give it a positive integer.`);
      }
      if (labels.indexOf(label) !== i) throw new ExtentError(`Dimension '${label}' occurs twice. Rename one of them.`);
    });
    this.labels = labels;
    this.sizes = sizes;
    this.size = sizes.reduce((product, size) => product * size, 1);
  }

  of(dim: D): number {
    return this.sizes[this.axis(dim)]!;
  }

  /** Position of `dim` among the dimensions. */
  axis(dim: string): number {
    const axis = (this.labels as readonly string[]).indexOf(dim);
    if (axis < 0) throw new ExtentError(`There is no dimension '${dim}' in ${this}.`);
    return axis;
  }

  /** Ranks between neighbours along an axis. */
  stride(axis: number): number {
    return this.sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  }

  point(rank: number): Point<D> {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.size) {
      throw new ExtentError(`Rank ${rank} is outside ${this}.`);
    }
    return new NamedPoint(rank, this);
  }

  rankOf(at: { readonly [K in D]: number }): number {
    for (const label of Object.keys(at)) this.axis(label);
    return this.labels.reduce((rank, label, axis) => {
      const [coordinate, size] = [at[label], this.sizes[axis]!];
      if (coordinate === undefined) throw new ExtentError(`Dimension '${label}' is missing: give a coordinate for it.`);
      return rank * size + checkedIndex(label, size, coordinate);
    }, 0);
  }

  flatten<const N extends string>(name: N): NamedExtent<N> {
    return new NamedExtent([name], [this.size]);
  }

  split<const P extends Parts<D>>(parts: P, sizes: PartSizes<D, P> = {}): NamedExtent<Split<D, P>> {
    for (const label of Object.keys(parts)) this.axis(label);
    const { labels, sizes: cut } = splitSizes(this, parts, sizes);
    // `splitSizes` replaces exactly the dimensions that Split<D, P> replaces.
    return new NamedExtent(labels as Split<D, P>[], cut);
  }

  rename<const N extends Names<D>>(names: N): NamedExtent<Renamed<D, N>> {
    for (const label of Object.keys(names)) this.axis(label);
    // Replaces exactly the names that Renamed<D, N> replaces.
    return new NamedExtent(this.labels.map((label) => names[label] ?? label) as Renamed<D, N>[], this.sizes);
  }

  *points(): IterableIterator<Point<D>> {
    for (let rank = 0; rank < this.size; rank++) yield new NamedPoint(rank, this);
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return this.toString();
  }

  toString(): string {
    return braced(this.labels.map((label, i) => `${label}: ${this.sizes[i]}`));
  }
}

/** The one implementation of {@link Point}. Prints as `{ replica: 0/4, shard: 1/2 }`. */
export class NamedPoint<D extends string> implements Point<D> {
  readonly rank: number;
  readonly extent: NamedExtent<D>;

  constructor(rank: number, extent: NamedExtent<D>) {
    this.rank = rank;
    this.extent = extent;
  }

  at(dim: D): number {
    const axis = this.extent.axis(dim);
    return Math.floor(this.rank / this.extent.stride(axis)) % this.extent.sizes[axis]!;
  }

  toString(): string {
    const { labels, sizes } = this.extent;
    return braced(labels.map((label, i) => `${label}: ${this.at(label)}/${sizes[i]}`));
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return this.toString();
  }
}

/** `index` when it is a coordinate of a dimension of `size`. @throws {ExtentError} */
export function checkedIndex(label: string, size: number, index: number): number {
  if (Number.isInteger(index) && index >= 0 && index < size) return index;
  throw new ExtentError(`Index ${index} of dimension '${label}' is outside 0…${size}.`);
}

function braced(parts: readonly string[]): string {
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** The extent of named sizes, in the order of their keys. */
export function extentOf<D extends string>(sizes: Readonly<Record<D, number>>): NamedExtent<D> {
  // The keys of a Record<D, …> are D by its type; Object.entries only knows string.
  const entries = Object.entries(sizes) as [D, number][];
  return new NamedExtent(
    entries.map(([label]) => label),
    entries.map(([, size]) => size),
  );
}
