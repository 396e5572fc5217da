import { type InspectOptions, inspect } from 'node:util';
import { ExtentError } from '../errors.ts';
import { type Extent, NamedExtent, type Point, type Shaped } from './extent.ts';
import type { Names, PartSizes, Parts, Renamed, Split } from './reshape.ts';
import { type Kept, type Selection, select } from './selection.ts';

/** One value a point: what a call on a mesh returns. */
export interface ValueMesh<R, D extends string> extends Shaped<D>, Iterable<readonly [Point<D>, R]> {
  /** The value at one point. @throws {ExtentError} when a coordinate is missing, unknown or outside. */
  item(at: { readonly [K in D]: number }): R;
  /** The value of one rank. @throws {ExtentError} when the rank is outside. */
  get(rank: number): R;
  /** Every point with its value, in rank order; iterating the mesh gives the same. */
  entries(): IterableIterator<readonly [Point<D>, R]>;
  /** The values, in rank order. */
  values(): IterableIterator<R>;
  /** The values, in rank order. */
  toArray(): R[];
  /** What `JSON.stringify` writes: the values, in rank order. */
  toJSON(): R[];
  map<U>(f: (value: R, point: Point<D>) => U): ValueMesh<U, D>;
  slice<const S extends Selection<D>>(selection: S): ValueMesh<R, Kept<D, S>>;
  flatten<const N extends string>(name: N): ValueMesh<R, N>;
  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): ValueMesh<R, Split<D, P>>;
  rename<const N extends Names<D>>(names: N): ValueMesh<R, Renamed<D, N>>;
}

/** Values in rank order under an extent. */
export class Values<R, D extends string> implements ValueMesh<R, D> {
  readonly extent: NamedExtent<D>;
  readonly #values: readonly R[];

  constructor(extent: NamedExtent<D>, values: readonly R[]) {
    if (values.length !== extent.size) throw new ExtentError(`${values.length} values do not fill ${extent}.`);
    this.extent = extent;
    this.#values = values;
  }

  get length(): number {
    return this.extent.size;
  }

  item(at: { readonly [K in D]: number }): R {
    return this.get(this.extent.rankOf(at));
  }

  get(rank: number): R {
    // `point` refuses a rank that is outside.
    return this.#values[this.extent.point(rank).rank]!;
  }

  entries(): IterableIterator<readonly [Point<D>, R]> {
    return this[Symbol.iterator]();
  }

  values(): IterableIterator<R> {
    return this.#values.values();
  }

  toArray(): R[] {
    return [...this.#values];
  }

  toJSON(): R[] {
    return this.toArray();
  }

  /** What `console.log` shows: every value with its point. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const name = `ValueMesh(${this.length})`;
    if (depth < 0) return `[${name}]`;
    return inspect(new Map(this), { ...options, depth: options.depth === null ? null : depth }).replace(
      /^Map\(\d+\)/,
      name,
    );
  }

  map<U>(f: (value: R, point: Point<D>) => U): ValueMesh<U, D> {
    return new Values(
      this.extent,
      this.#values.map((value, rank) => f(value, this.extent.point(rank))),
    );
  }

  slice<const S extends Selection<D>>(selection: S): ValueMesh<R, Kept<D, S>> {
    const { extent, ranks } = select(this.extent, selection);
    // `select` drops exactly the dimensions that Kept<D, S> drops.
    return new Values(
      extent as NamedExtent<Kept<D, S>>,
      ranks.map((rank) => this.#values[rank]!),
    );
  }

  flatten<const N extends string>(name: N): ValueMesh<R, N> {
    return new Values(this.extent.flatten(name), this.#values);
  }

  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): ValueMesh<R, Split<D, P>> {
    return new Values(this.extent.split(parts, sizes), this.#values);
  }

  rename<const N extends Names<D>>(names: N): ValueMesh<R, Renamed<D, N>> {
    return new Values(this.extent.rename(names), this.#values);
  }

  *[Symbol.iterator](): IterableIterator<readonly [Point<D>, R]> {
    for (const point of this.extent.points()) yield [point, this.#values[point.rank]!];
  }
}

/**
 * A mesh of values from pairs in any order; of several values for one place the last counts.
 *
 * @throws {ExtentError} when a place has no value, or a rank is outside.
 */
export function valueMesh<R, D extends string>(
  { labels, sizes }: Extent<D>,
  pairs: Iterable<readonly [place: number | Point<D>, value: R]>,
): ValueMesh<R, D> {
  const extent = new NamedExtent(labels, sizes);
  const values = new Map<number, R>();
  for (const [place, value] of pairs)
    values.set(extent.point(typeof place === 'number' ? place : place.rank).rank, value);
  const ranks = Array.from({ length: extent.size }, (_, rank) => rank);
  const missing = ranks.filter((rank) => !values.has(rank));
  if (missing.length > 0) {
    throw new ExtentError(`${values.size} values do not fill ${extent}: rank ${missing.join(', ')} is missing.`);
  }
  return new Values(
    extent,
    // No rank is missing.
    ranks.map((rank) => values.get(rank)!),
  );
}
