import { type DType, kindOf, type Shape, type Tensor } from '@forge/tensor';
import type { Found, LocatedTensor } from './batch.ts';
import type { OperationOptions } from './cancellation.ts';
import { newestOf } from './catalog.ts';
import { NamesMismatchError } from './errors.ts';
import { type GetOptions, type ShowTensor, wishOf } from './get.ts';
import { decodeObject } from './object-value.ts';
import type { Layout } from './placement.ts';
import type { Wish } from './planner.ts';
import { isSharded, type ShardedTensor } from './sharded-tensor.ts';
import {
  flattenStateDict,
  type LoadedItem,
  type LoadedStateDict,
  restoreStateDict,
  type StateDict,
} from './state-dict.ts';

/** The layout of each tensor of a state dict, by its name below the prefix; whole where there is none. */
export type Layouts = Readonly<Record<string, Layout>> | ((name: string, shape: Shape) => Layout | undefined);

/** How a state dict is read. */
export interface GetStateDictOptions extends OperationOptions {
  /** The version to read. @default what is visible */
  readonly version?: number;
  /** Tensors and pieces to fill, under the same names; what it lacks is allocated. */
  readonly into?: StateDict;
  /** Tensors and pieces that say by their names, dtypes, shapes and layouts what is wanted; they are not written. */
  readonly template?: StateDict;
  /** The pieces wanted of this rank. @default whole tensors */
  readonly layouts?: Layouts;
  /** All float tensors are cast to it; others stay as they are. */
  readonly dtype?: DType;
  /** Views of the memory of this host instead of copies, as `mapped` of get. @default false */
  readonly mapped?: boolean;
  /** Names that `into` or `template` lacks, or has too many, are an error. @default false */
  readonly strict?: boolean;
}

/** A state dict that was read, and how its names compare with those asked for. */
export interface LoadResult {
  readonly stateDict: LoadedStateDict;
  /** Names that were asked for and are not in the store. */
  readonly missing: readonly string[];
  /** Names in the store that were not asked for; without `into`, `template` or a table of layouts there are none. */
  readonly unexpected: readonly string[];
  readonly version: number | undefined;
  /** The newest generation of what was read. */
  readonly generation: number;
}

/** What is read for a state dict, and how it is put together afterwards. */
export interface LoadPlan {
  readonly wishes: readonly Wish[];
  readonly result: () => LoadResult;
}

type Like = ReadonlyMap<string, Tensor | ShardedTensor>;

/**
 * Plans the reading of everything that was found below a prefix.
 * @throws {NamesMismatchError} in strict mode, before anything is read.
 * @throws {MismatchError} when a given tensor has another dtype or shape.
 */
export function planLoad(
  prefix: string,
  found: Found,
  { show, ...options }: GetStateDictOptions & { readonly show: ShowTensor },
): LoadPlan {
  const { into, template, strict = false, mapped } = options;
  const like = into ?? template;
  const targets: Like = like === undefined ? new Map() : flattenStateDict(prefix, like).tensors;
  const names = compareNames(prefix, { found, options, like: like === undefined ? undefined : targets });
  if (strict && names.missing.length + names.unexpected.length > 0) throw new NamesMismatchError(prefix, names);
  const wishes = found.tensors.map((located) =>
    wishOf(located, { ...optionsFor(prefix, located, { options, targets }), mapped }, show),
  );
  const result = (): LoadResult => {
    const values = new Map<string, LoadedItem>(wishes.map(({ located, target }) => [located.key, target]));
    for (const { key, bytes } of found.objects) values.set(key, decodeObject(bytes));
    const newest = newestOf([...found.tensors, ...found.objects]);
    const { version, generation } = newest ?? { version: undefined, generation: 0 };
    return { stateDict: assemble(prefix, found, values), ...names, version, generation };
  };
  return { wishes, result };
}

function assemble(prefix: string, { structure }: Found, values: ReadonlyMap<string, LoadedItem>): LoadedStateDict {
  if (structure === undefined)
    return Object.fromEntries([...values].map(([key, value]) => [key.slice(prefix.length + 1), value]));
  // A state dict is a dict, and every key of its structure was located.
  return restoreStateDict(structure, (key) => values.get(key)!) as LoadedStateDict;
}

function compareNames(
  prefix: string,
  asked: { readonly found: Found; readonly options: GetStateDictOptions; readonly like: Like | undefined },
) {
  const { found, options, like } = asked;
  const { layouts } = options;
  const tensors = new Set(found.tensors.map(({ key }) => key));
  const nameOf = (key: string) => key.slice(prefix.length + 1);
  const table = typeof layouts === 'object' ? Object.keys(layouts).map((name) => `${prefix}.${name}`) : [];
  const wanted = new Set([...(like?.keys() ?? []), ...table]);
  const missing = [...wanted].filter((key) => !tensors.has(key)).map(nameOf);
  const isListed = like !== undefined || typeof layouts === 'object';
  const unexpected = isListed ? [...tensors].filter((key) => !wanted.has(key)).map(nameOf) : [];
  return { missing, unexpected };
}

/** How one tensor is read: as its target or template says, else as the layouts and the dtype say. */
function optionsFor(
  prefix: string,
  located: LocatedTensor,
  { options, targets }: { readonly options: GetStateDictOptions; readonly targets: Like },
): GetOptions & { readonly shape?: Shape } {
  const { key, dtype: stored, shape } = located;
  const { into, layouts, dtype: wanted } = options;
  const dtype = wanted !== undefined && kindOf(stored) === 'float' ? wanted : stored;
  const given = targets.get(key);
  if (given === undefined) {
    const name = key.slice(prefix.length + 1);
    const layout = typeof layouts === 'function' ? layouts(name, shape) : layouts?.[name];
    return layout === undefined ? { dtype } : { dtype, layout };
  }
  const local = isSharded(given) ? given.local : given;
  const place = !isSharded(given) ? {} : 'layout' in given ? { layout: given.layout } : { region: given.region };
  // A template that is not written gives its own dtype and must have the right shape all the same.
  return into === undefined ? { ...place, dtype: local.dtype, shape: local.shape } : { ...place, dtype, into: local };
}
