import { ExtentError } from '../errors.ts';

/** Which dimensions to cut, and the names of what each becomes, slowest first: `{ host: ['dp', 'pp'] }`. */
export type Parts<D extends string> = { readonly [K in D]?: readonly string[] };

/** The dimensions after a split. */
export type Split<D extends string, P> = {
  [K in D]: K extends keyof P ? (P[K] extends readonly (infer N extends string)[] ? N : K) : K;
}[D];

/** Sizes of the parts of a split; of each dimension that is cut, one may be left out. */
export type PartSizes<D extends string, P> = { readonly [K in Split<D, P>]?: number };

/** New names of some dimensions: `{ gpu: 'shard' }`. */
export type Names<D extends string> = { readonly [K in D]?: string };

/** The dimensions under their new names. */
export type Renamed<D extends string, N> = {
  [K in D]: K extends keyof N ? (N[K] extends string ? N[K] : K) : K;
}[D];

interface Dimensions {
  readonly labels: readonly string[];
  readonly sizes: readonly number[];
}

/**
 * The dimensions after a split. Ranks stay as they are, because the last dimension is the fastest before and after.
 *
 * @throws {ExtentError} when two sizes of one dimension are left out, they do not multiply to its size, or a size is of
 *   no part.
 */
export function splitSizes(
  { labels, sizes }: Dimensions,
  parts: Readonly<Record<string, readonly string[] | undefined>>,
  given: Readonly<Record<string, number | undefined>>,
): Dimensions {
  const cut: { labels: string[]; sizes: number[] } = { labels: [], sizes: [] };
  labels.forEach((label, axis) => {
    const names = parts[label];
    const size = sizes[axis]!;
    cut.labels.push(...(names === undefined ? [label] : checkedNames(label, names)));
    cut.sizes.push(...(names === undefined ? [size] : partSizes(label, size, names, given)));
  });
  const made = new Set(Object.values(parts).flatMap((names) => names ?? []));
  const unused = Object.keys(given).find((name) => !made.has(name));
  if (unused !== undefined) throw new ExtentError(`A size is given for '${unused}', which no dimension is split into.`);
  return cut;
}

function checkedNames(label: string, names: readonly string[]): readonly string[] {
  if (Array.isArray(names)) return names;
  throw new ExtentError(`Dimension '${label}' is split into a list of names, such as ['${String(names)}'].`);
}

function partSizes(
  label: string,
  size: number,
  names: readonly string[],
  given: Readonly<Record<string, number | undefined>>,
): readonly number[] {
  const open = names.filter((name) => given[name] === undefined);
  if (open.length > 1) {
    throw new ExtentError(`Sizes of '${open.join("' and '")}' are missing: of '${label}' only one can be left out.`);
  }
  const known = names.reduce((product, name) => product * (given[name] ?? 1), 1);
  const rest = size / known;
  if (!Number.isInteger(rest) || (open.length === 0 && rest !== 1)) {
    throw new ExtentError(`Dimension '${label}' of ${size} cannot be split: its parts have ${known}.`);
  }
  return names.map((name) => given[name] ?? rest);
}
