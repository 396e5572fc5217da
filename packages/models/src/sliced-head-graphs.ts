// N tokens of all rows, P tokens that are picked, D model width, S rows of a slice of the vocabulary

import {
  add,
  div,
  exp,
  type Graph,
  gather,
  gatherElements,
  gradients,
  graph,
  input,
  matMul,
  mul,
  neg,
  reduceMax,
  reduceSum,
  scatterElements,
  squeeze,
  sub,
  unsqueeze,
  type Value,
} from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { finalNorm } from './decoder.ts';
import type { WeightedSumOptions } from './log-probs.ts';
import { gradientName } from './training-graph.ts';
import { weightInputs } from './weight-inputs.ts';

/**
 * The head of a model as graphs of some rows of its vocabulary: logits of all picks and all rows are never in memory at once,
 * and each slice of the weight gets its own gradient, so that nothing has to be added up but sums of one number a pick.
 *
 * With m the largest logit of a pick in a slice, S = Σ exp(z − m) and T = Σ exp(z − m)·(z − m), slices give its log Σ exp(z)
 * and its entropy log S − T/S.
 */
export interface SlicedHeadGraphs {
  /** `x`, `selected` and `temperature` to `h` [P, D], what the slices multiply. */
  readonly into: Graph;
  /** The same and `grad.h` to `grad.x` and, if it is trained, `grad.model.norm.weight`. */
  readonly intoBackward: Graph;
  /** `h`, `head` [S, D] and `rows` (int64 [P], of targets) to `max`, `sum`, `weighted_sum` and `target` [P]. */
  readonly slice: Graph;
  /**
   * `h`, `head`, `rows`, `log_sums` [P], `weights` [P] and `target_weights` [P], those whose target is in this slice and
   * else 0 (with entropy also `entropies` and `entropy_weights` [P]), to `grad.h` and, if it is trained, `grad.head`.
   */
  readonly sliceBackward: Graph;
}

/** The name of the weight that makes logits. */
export const headName = ({ tieWordEmbeddings }: Pick<ModelConfig, 'tieWordEmbeddings'>): string =>
  tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';

export interface SlicedHeadOptions extends WeightedSumOptions {
  /** Names of the weights that get a gradient. */
  readonly trainable: readonly string[];
}

const NORM = 'model.norm.weight';

export function slicedHeadGraphs(
  config: ModelConfig,
  { trainable, entropy = false }: SlicedHeadOptions,
): SlicedHeadGraphs {
  const { hiddenSize } = config;
  const ofPicks = (name: string): Value => input(name, 'float32', ['picks']);
  const column = (x_P: Value): Value => unsqueeze(x_P, [1]);

  const weights = weightInputs(config);
  const x_ND = input('x', 'float32', ['tokens', hiddenSize]);
  const normed_PD = finalNorm(gather(x_ND, input('selected', 'int64', ['picks'])), config, weights);
  const into_PD = div(normed_PD, input('temperature', 'float32', []));
  const inner = [x_ND, ...(trainable.includes(NORM) ? [weights.get(NORM)] : [])];
  const slopes = gradients(into_PD, inner, input(gradientName('h'), 'float32', into_PD.shape));

  const h_PD = input('h', 'float32', ['picks', hiddenSize]);
  const head_SD = input('head', 'float32', ['slice', hiddenSize]);
  const rows_P1 = column(input('rows', 'int64', ['picks']));
  const logits_PS = matMul(h_PD, head_SD, { transposeB: true });

  const max_P1 = reduceMax(logits_PS, [1], { keepDims: true });
  const below_PS = sub(logits_PS, max_P1);
  const powers_PS = exp(below_PS);

  const logProbs_PS = sub(logits_PS, column(ofPicks('log_sums')));
  const weights_P1 = column(ofPicks('weights'));
  const entropyPart = (): Value =>
    mul(column(ofPicks('entropy_weights')), add(logProbs_PS, column(ofPicks('entropies'))));
  const factor = entropy ? add(weights_P1, entropyPart()) : weights_P1;
  const dense_PS = neg(mul(exp(logProbs_PS), factor));
  const updates = column(ofPicks('target_weights'));
  const slope_PS = scatterElements(dense_PS, { indices: rows_P1, updates, axis: 1 }, { reduction: 'add' });

  return {
    into: graph({ h: into_PD }),
    intoBackward: graph({
      [gradientName('x')]: slopes[0]!, // one a value
      ...(slopes[1] && { [gradientName(NORM)]: slopes[1] }),
    }),
    slice: graph({
      max: squeeze(max_P1, [1]),
      sum: reduceSum(powers_PS, [1]),
      weighted_sum: reduceSum(mul(powers_PS, below_PS), [1]),
      target: squeeze(gatherElements(logits_PS, rows_P1, 1), [1]),
    }),
    sliceBackward: graph({
      [gradientName('h')]: matMul(slope_PS, head_SD),
      ...(trainable.includes(headName(config)) && {
        [gradientName('head')]: matMul(slope_PS, h_PD, { transposeA: true }),
      }),
    }),
  };
}
