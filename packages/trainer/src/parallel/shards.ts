import type { Parameter } from '@forge/models';
import { elementCount, type Shape } from '@forge/tensor';
import { arenaOffsets } from '../parameter-arena.ts';
import { type Part, partOf } from '../passes/parts.ts';

/** What a rank holds of the arena of one part: whole rows of its parameters, in one run. */
export interface Slice {
  readonly part: Part;
  /** Numbers from the start of the arena. */
  readonly start: number;
  readonly end: number;
  /** Where the run begins in the flat array of the rank. */
  readonly at: number;
}

/** Rows of one parameter that a rank holds. */
export interface Piece {
  readonly parameter: Parameter;
  readonly firstRow: number;
  readonly numRows: number;
  /** Where they begin in the flat array of the rank. */
  readonly at: number;
}

/** What one rank holds of some parameters, one slice a part and one after the other in a flat array. */
export interface Shard {
  readonly slices: ReadonlyMap<Part, Slice>;
  readonly pieces: readonly Piece[];
  readonly length: number;
}

/** The parameters of each part, in their order. */
export const parametersByPart = (parameters: readonly Parameter[]): ReadonlyMap<Part, readonly Parameter[]> =>
  Map.groupBy(parameters, ({ name }) => partOf(name));

/**
 * Lays parameters out over ranks.
 *
 * @param cutsOf - where the arena of a part is cut: from one number to the next for each rank, at the starts of rows.
 */
export function layOutShards(
  parameters: readonly Parameter[],
  numRanks: number,
  cutsOf: (part: Part, parameters: readonly Parameter[]) => readonly number[],
): readonly Shard[] {
  const parts = [...parametersByPart(parameters)].map(([part, own]) => ({ part, own, cuts: cutsOf(part, own) }));
  return Array.from({ length: numRanks }, (_, rank) => {
    let length = 0;
    const slices = parts.map(({ part, cuts }): Slice => {
      const [start, end] = [cuts[rank]!, cuts[rank + 1]!]; // one cut more than ranks
      const at = length;
      length += end - start;
      return { part, start, end, at };
    });
    const pieces = slices.flatMap((slice, i) => piecesOf(slice, parts[i]!.own));
    return { slices: new Map(slices.map((slice) => [slice.part, slice])), pieces, length };
  });
}

/** Cuts between rows, as even as these allow. */
export function evenCuts(parameters: readonly Parameter[], numRanks: number): readonly number[] {
  const { offsets, length } = arenaOffsets(parameters);
  return Array.from({ length: numRanks + 1 }, (_, rank) => {
    const place = Math.round((rank * length) / numRanks);
    const i = offsets.findLastIndex((offset) => offset <= place);
    if (i === -1 || place === length) return place;
    const offset = offsets[i]!;
    const { shape } = parameters[i]!;
    const row = Math.ceil((place - offset) / rowLength(shape));
    return row < rowsOf(shape) ? offset + row * rowLength(shape) : (offsets[i + 1] ?? length);
  });
}

/** Cuts that leave all of it to one rank. */
export const cutsForOne = (parameters: readonly Parameter[], owner: number, numRanks: number): readonly number[] =>
  Array.from({ length: numRanks + 1 }, (_, rank) => (rank <= owner ? 0 : arenaOffsets(parameters).length));

const rowsOf = (shape: Shape): number => shape[0] ?? 1;

/** Numbers of one row. */
export const rowLength = (shape: Shape): number => elementCount(shape.slice(1));

function piecesOf({ start, end, at }: Slice, parameters: readonly Parameter[]): readonly Piece[] {
  const { offsets } = arenaOffsets(parameters);
  return parameters.flatMap((parameter, i): Piece[] => {
    const offset = offsets[i]!; // one a parameter
    const width = rowLength(parameter.shape);
    const firstRow = Math.max(0, (start - offset) / width);
    const numRows = Math.min(rowsOf(parameter.shape), (end - offset) / width) - firstRow;
    return numRows > 0 ? [{ parameter, firstRow, numRows, at: at + offset + firstRow * width - start }] : [];
  });
}
