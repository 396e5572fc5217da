import { type Tensor, tensor } from '@forge/tensor';
import { AdamW, type AdamWOptions, type WeightRange } from '../optimizer/adam-w.ts';
import { scale } from '../optimizer/clip.ts';
import { rowSquares } from '../optimizer/row-squares.ts';
import type { ParameterPlan } from '../parameter-groups.ts';
import { type Piece, rowLength, type Shard } from './shards.ts';

/** Rows of a parameter, by its name. */
export interface NamedRows<Rows> {
  readonly name: string;
  readonly firstRow: number;
  readonly rows: Rows;
}

/** What a rank holds of the weights that are trained, with their gradients and moments; it alone steps them. */
export class ParameterShard {
  readonly shard: Shard;
  readonly weights: Float32Array;
  readonly gradients: Float32Array;
  readonly #optimizer: AdamW;
  readonly #ranges: readonly WeightRange[];

  /** @param gradients - where they are, laid out as the shard is. @default memory of its own */
  constructor(
    shard: Shard,
    { settings }: ParameterPlan,
    { optimizer, gradients }: { readonly optimizer?: AdamWOptions | undefined; readonly gradients?: Float32Array },
  ) {
    this.shard = shard;
    this.weights = new Float32Array(shard.length);
    this.gradients = gradients ?? new Float32Array(shard.length);
    this.#optimizer = new AdamW(this.weights, optimizer);
    this.#ranges = shard.pieces.map(({ parameter, numRows, at }) => ({
      start: at,
      end: at + numRows * rowLength(parameter.shape),
      ...settings.get(parameter),
    }));
  }

  /** Mean of gradients and of their squares. */
  get moments(): readonly [first: Float32Array, second: Float32Array] {
    return this.#optimizer.moments;
  }

  /** Steps since the moments were 0. */
  get phaseSteps(): number {
    return this.#optimizer.steps;
  }

  /** Of the gradients, by the rows of each piece. */
  gradientSquares(): readonly NamedRows<Float64Array>[] {
    return namedRows(this.shard, this.gradients).map(({ rows, ...place }) => ({
      ...place,
      rows: rowSquares(rows.data, rows.shape),
    }));
  }

  /** Scales the gradients, takes a step along them and drops them. */
  step({ factor, learningRate }: { readonly factor: number; readonly learningRate: number }): void {
    scale(this.gradients, factor);
    this.#optimizer.step(this.weights, this.gradients, learningRate, this.#ranges);
    this.drop();
  }

  /** Makes all gradients 0. */
  drop(): void {
    this.gradients.fill(0);
  }

  /** Goes on after `steps` steps with the moments that are there. */
  resume(steps: number): void {
    this.#optimizer.resume(steps);
  }

  /** Makes the moments 0. */
  reset(): void {
    this.#optimizer.reset();
  }
}

/** The rows of a piece, as a view of a flat array of its rank. */
export function rowsIn(flat: Float32Array, { parameter, numRows, at }: Piece): Tensor<'float32'> {
  const { shape } = parameter;
  const data = flat.subarray(at, at + numRows * rowLength(shape));
  return tensor('float32', shape.length === 0 ? [1] : [numRows, ...shape.slice(1)], data);
}

/** Views of all rows of a shard in a flat array of its rank. */
export const namedRows = ({ pieces }: Shard, flat: Float32Array): readonly NamedRows<Tensor<'float32'>>[] =>
  pieces.map((piece) => ({
    name: piece.parameter.name,
    firstRow: piece.firstRow,
    rows: rowsIn(flat, piece),
  }));
