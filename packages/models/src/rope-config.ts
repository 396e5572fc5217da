import { type Fields, refuseContradiction } from './config-fields.ts';

/** Rotary position embedding: the period of each pair of channels. */
export interface RopeConfig {
  readonly theta: number;
  /** Stretches the longer periods so that a model reads further than it was pretrained to (Llama 3.1 and later). */
  readonly llama3?: {
    readonly factor: number;
    readonly lowFreqFactor: number;
    readonly highFreqFactor: number;
    readonly originalMaxPositionEmbeddings: number;
  };
}

/** The default of every supported family in transformers. */
const DEFAULT_THETA = 10_000;

/**
 * Reads RoPE from `rope_parameters` (transformers 5), or from `rope_theta` and `rope_scaling` (4).
 *
 * @throws {ConfigError} for a RoPE type other than `default` and `llama3`, or a parameter that does not fit.
 */
export function parseRope(config: Fields, maxPositionEmbeddings: number): RopeConfig {
  refuseContradiction(config, 'rope_scaling', 'rope_parameters');
  const parameters = config.object('rope_parameters') ?? config.object('rope_scaling');
  if (parameters === undefined) return { theta: config.positive('rope_theta', DEFAULT_THETA) };

  const theta = parameters.positive('rope_theta', config.positive('rope_theta', DEFAULT_THETA));
  if (config.value('rope_theta') !== undefined && config.value('rope_theta') !== theta) {
    throw config.refuse('rope_theta', `the ${theta} of the parameters of RoPE, or nothing`);
  }
  if (parameters.positive('partial_rotary_factor', 1) !== 1) {
    throw parameters.refuse('partial_rotary_factor', '1: partial rotation is not supported');
  }
  const typeKey = parameters.value('rope_type') === undefined ? 'type' : 'rope_type';
  const type = parameters.value(typeKey) ?? 'default';
  if (type === 'default') return { theta };
  if (type !== 'llama3') {
    throw parameters.refuse(typeKey, '"default" or "llama3": other RoPE types are not supported');
  }
  const lowFreqFactor = parameters.positive('low_freq_factor');
  const highFreqFactor = parameters.positive('high_freq_factor');
  if (highFreqFactor <= lowFreqFactor) {
    throw parameters.refuse('high_freq_factor', `a number above low_freq_factor (${lowFreqFactor})`);
  }
  const originalMaxPositionEmbeddings = parameters.count('original_max_position_embeddings', maxPositionEmbeddings);
  return {
    theta,
    llama3: { factor: parameters.positive('factor'), lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings },
  };
}
