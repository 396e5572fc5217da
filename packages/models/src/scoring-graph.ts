import { type Graph, graph } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { logProbs } from './log-probs.ts';
import { type PackedRowsOptions, packedDecoder } from './packed-decoder.ts';

/**
 * Log-probabilities of given tokens over packed rows: the forward pass of a reference model, or of a policy.
 *
 * Inputs: `input_ids`, `position_ids`, `segment_ids` int64 [rows, tokens], where a token attends to itself and to the
 * tokens of its segment at lower positions, and segment 0 is padding; `selected` int64 [picks], flat indices into
 * rows·tokens of the tokens after which `targets` int64 [picks] are scored, none twice; `temperature` float32 []; every weight by
 * its name. Outputs: `log_probs` and `entropy` float32 [picks]. With `sharedPrefix` the segments are two inputs, see there.
 */
export function scoringGraph(config: ModelConfig, options: PackedRowsOptions = {}): Graph {
  const { last_ND, weights } = packedDecoder(config, options);
  const { logProbs_P, entropy_P } = logProbs(last_ND, config, weights);
  return graph({ log_probs: logProbs_P, entropy: entropy_P });
}
