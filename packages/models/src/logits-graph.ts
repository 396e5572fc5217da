import { type Graph, graph, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { finalNorm, outputHead } from './decoder.ts';
import { packedDecoder } from './packed-decoder.ts';

/** What is computed beside the logits. */
export interface LogitsGraphOptions {
  /** Adds `hidden_states.i`: 0 is the embedding, i the output of layer i, the last one after the final norm. @default false */
  readonly hiddenStates?: boolean;
}

/**
 * All logits of packed rows, to look into a model: the inputs `input_ids`, `position_ids`, `segment_ids` and the weights
 * of `scoringGraph`; output `logits` float32 [rows, tokens, vocabulary].
 */
export function logitsGraph(config: ModelConfig, { hiddenStates = false }: LogitsGraphOptions = {}): Graph {
  const { hiddenSize, vocabSize } = config;
  const { last_ND, stream, weights, inRows } = packedDecoder(config);
  const normed_ND = finalNorm(last_ND, config, weights);
  const states = hiddenStates ? [...stream.slice(0, -1), normed_ND] : [];
  const outputs: Record<string, Value> = { logits: inRows(outputHead(normed_ND, config, weights), vocabSize) };
  states.forEach((x_ND, index) => {
    outputs[`hidden_states.${index}`] = inRows(x_ND, hiddenSize);
  });
  return graph(outputs);
}
