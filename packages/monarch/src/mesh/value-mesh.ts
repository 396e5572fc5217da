import { type InspectOptions, inspect } from 'node:util';
import { ExtentError } from '../errors.ts';
import type { NamedExtent, Point, Shaped } from './extent.ts';
import { type Kept, type Selection, select } from './selection.ts';

/** One value a point: what a call on a mesh returns. */
export interface ValueMesh<R, D extends string> extends Shaped<D>, Iterable<readonly [Point<D>, R]> {
  /** The value at one point. @throws {ExtentError} when a coordinate is missing, unknown or outside. */
  item(at: { readonly [K in D]: number }): R;
  /** The values, in rank order. */
  values(): IterableIterator<R>;
  /** The values, in rank order. */
  toArray(): R[];
  /** What `JSON.stringify` writes: the values, in rank order. */
  toJSON(): R[];
  map<U>(f: (value: R, point: Point<D>) => U): ValueMesh<U, D>;
  slice<const S extends Selection<D>>(selection: S): ValueMesh<R, Kept<D, S>>;
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
    const missing = this.extent.labels.find((label) => typeof at[label] !== 'number');
    if (missing !== undefined) throw new ExtentError(`Dimension '${missing}' is missing: give a coordinate for it.`);
    const { ranks } = select(this.extent, at);
    // Every dimension is fixed by a number, so exactly one rank is left.
    return this.#values[ranks[0]!]!;
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

  *[Symbol.iterator](): IterableIterator<readonly [Point<D>, R]> {
    for (const point of this.extent.points()) yield [point, this.#values[point.rank]!];
  }
}
