import { inspect } from 'node:util';
import { ExtentError } from '../errors.ts';

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
  /** Every point, in rank order. */
  points(): Iterable<Point<D>>;
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
