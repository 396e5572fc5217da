import { type LoraConfig, type ModelConfig, mergeLora, type Parameter, parameters } from '@forge/models';
import type { Region, Tensor } from '@forge/tensor';
import type { NamedRows } from './parameter-shard.ts';
import type { RankEngine } from './rank-engine.ts';

/** Some rows of a weight of the model, as it is used. */
export interface PublishedRows {
  readonly parameter: Parameter;
  readonly local: Tensor<'float32'>;
  readonly region: Region;
}

/**
 * Hands over the weights of the model as they are used, with adapters merged, some at a time: each row of each weight on one
 * rank. A rank has the rows that it holds; where there are adapters to merge, whole parts, which it borrows one by one.
 *
 * @param publish - may use what it gets until it is done.
 */
export async function publishWeights(
  { config, lora }: { readonly config: ModelConfig; readonly lora: LoraConfig | undefined },
  { rows, wholeParts, weights }: Pick<RankEngine, 'rows' | 'wholeParts' | 'weights'>,
  publish: (pieces: readonly PublishedRows[]) => Promise<void>,
): Promise<void> {
  const byName = new Map(parameters(config).map((parameter) => [parameter.name, parameter]));
  const pieceOf = ({ name, firstRow, rows: local }: NamedRows<Tensor<'float32'>>): PublishedRows => ({
    parameter: byName.get(name)!, // the names are those of the model
    local,
    region: { offset: local.shape.map((_, axis) => (axis === 0 ? firstRow : 0)), size: local.shape },
  });
  if (lora === undefined) return publish(rows.map(pieceOf));
  for (const part of wholeParts) {
    await weights.borrow([part], async (own) => {
      const merged = Object.entries(mergeLora(config, own, lora));
      await publish(merged.map(([name, whole]) => pieceOf({ name, firstRow: 0, rows: whole })));
    });
  }
}
