// N tokens of all rows, D model width

import { type Graph, gradients, graph, input, multiplyDims, reshape, type Value } from '@forge/onnx';
import { block } from './block.ts';
import type { ModelConfig } from './config.ts';
import { logProbs, type WeightedSumOptions, weightedSum } from './log-probs.ts';
import type { PackedRowsOptions } from './packed-decoder.ts';
import { packedRows } from './packed-rows.ts';
import { rotationAt } from './rope.ts';
import { gradientName } from './training-graph.ts';
import { weightInputs } from './weight-inputs.ts';

/**
 * A model in training as graphs of one layer, which is run for all of them with the weights of each: backward computes the
 * activations of its layer again, so that only the residual stream between layers is kept.
 *
 * Layers are alike. Weights of a layer are fed, and their gradients fetched, by the names that they have in layer 0.
 */
export interface LayerGraphs {
  /** `x` [N, D] to `y` [N, D]; with positions and segments as in `scoringGraph`. */
  readonly forward: Graph;
  /** `x`, `grad.y` to `grad.x` and `grad.<name>`. */
  readonly backward: Graph;
  /** The last `x`, `selected`, `targets` and `temperature` to `log_probs` and `entropy`. */
  readonly head: Graph;
  /** The same and `weights` [picks], and `entropy_weights` if there are any, to `grad.x` and `grad.<name>`. */
  readonly headBackward: Graph;
}

export interface LayerGraphsOptions extends PackedRowsOptions, WeightedSumOptions {
  /** Names of the weights that get a gradient, in whatever layer. */
  readonly trainable: readonly string[];
}

const LAYER = /^model\.layers\.(\d+)\./;

/** The layer that a weight belongs to; `undefined` for the embedding, the last norm and the head. */
export function layerOf(name: string): number | undefined {
  const layer = LAYER.exec(name)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

/** The name in layer 0 of a weight of any layer. */
export const nameInFirstLayer = (name: string): string => name.replace(LAYER, 'model.layers.0.');

/** The graphs of a model's layers; the embedding is a lookup that needs none. */
export function layerGraphs(
  config: ModelConfig,
  { sharedPrefix = false, lora, trainable, entropy = false }: LayerGraphsOptions,
): LayerGraphs {
  const { inputIds_RT, positionIds_RT, attend } = packedRows(config, sharedPrefix);
  const weights = weightInputs(config, lora);
  const numTokens = multiplyDims(...inputIds_RT.shape);
  const x_ND = input('x', 'float32', [numTokens, config.hiddenSize]);
  const rotate = rotationAt(reshape(positionIds_RT, [-1]), config);
  const y_ND = block(x_ND, {
    weights: weights.within('model.layers.0'),
    layer: 0,
    context: { config, rotate, attend },
  });
  const scores = logProbs(x_ND, config, weights);

  const backwardOf = (value: Value, names: readonly string[], outputGradient?: Value): Graph => {
    const [ofX, ...others] = gradients(value, [x_ND, ...names.map((name) => weights.get(name))], outputGradient);
    const named = others.map((gradient, i) => [gradientName(names[i]!), gradient] as const); // one a name
    return graph({ [gradientName('x')]: ofX!, ...Object.fromEntries(named) });
  };
  const inLayers = new Set(trainable.filter((name) => layerOf(name) !== undefined).map(nameInFirstLayer));
  // The embedding is a weight of the head where the two are tied.
  const isOfHead = (name: string): boolean =>
    layerOf(name) === undefined && (name !== 'model.embed_tokens.weight' || config.tieWordEmbeddings);
  return {
    forward: graph({ y: y_ND }),
    backward: backwardOf(y_ND, [...inLayers], input(gradientName('y'), 'float32', y_ND.shape)),
    head: graph({ log_probs: scores.logProbs_P, entropy: scores.entropy_P }),
    headBackward: backwardOf(weightedSum(scores, { entropy }), trainable.filter(isOfHead)),
  };
}
