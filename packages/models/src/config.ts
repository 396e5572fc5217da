import { type Fields, fields, refuseContradiction } from './config-fields.ts';
import { ConfigError } from './errors.ts';
import { parseRope, type RopeConfig } from './rope-config.ts';

/** The decoder families that are supported, by the name that `config.json` gives them. */
export type Architecture = 'Qwen3ForCausalLM' | 'Qwen2ForCausalLM' | 'LlamaForCausalLM';

/** The sizes and switches of one decoder-only model, named as in `config.json`. */
export interface ModelConfig {
  readonly architecture: Architecture;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly maxPositionEmbeddings: number;
  readonly rmsNormEps: number;
  readonly initializerRange: number;
  readonly rope: RopeConfig;
  /** The output head is the embedding; there is no `lm_head.weight`. */
  readonly tieWordEmbeddings: boolean;
  /** RMS norms over `headDim` on queries and keys (Qwen3). */
  readonly queryKeyNorm: boolean;
  /** Biases on the query, key and value projections. */
  readonly queryKeyValueBias: boolean;
  /** A bias on the attention's output projection. */
  readonly outputBias: boolean;
  /** Biases in the feed-forward network. */
  readonly mlpBias: boolean;
  /** The dtype that the checkpoint declares; arithmetic is in float32 whatever it says. */
  readonly storedDType: 'float32' | 'float16' | 'bfloat16';
  /** The object that was parsed, kept whole so that saving a model loses none of its keys. */
  readonly json: Readonly<Record<string, unknown>>;
}

interface Family {
  readonly modelType: string;
  /** Width of a head when the config does not say. */
  readonly headDim: (hiddenSize: number, numHeads: number) => number;
  readonly queryKeyNorm: boolean;
  /** `attention_bias` of the config when `undefined`. */
  readonly queryKeyValueBias: boolean | undefined;
  readonly outputBias: boolean | undefined;
  readonly mlpBias: boolean | undefined;
}

const dividedEvenly = (hiddenSize: number, numHeads: number): number => hiddenSize / numHeads;

/** Source: `configuration_*.py` and `modeling_*.py` of the three families in transformers 5. */
const FAMILIES: Readonly<Record<Architecture, Family>> = {
  Qwen3ForCausalLM: {
    modelType: 'qwen3',
    headDim: () => 128,
    queryKeyNorm: true,
    queryKeyValueBias: undefined,
    outputBias: undefined,
    mlpBias: false,
  },
  Qwen2ForCausalLM: {
    modelType: 'qwen2',
    headDim: dividedEvenly,
    queryKeyNorm: false,
    queryKeyValueBias: true,
    outputBias: false,
    mlpBias: false,
  },
  LlamaForCausalLM: {
    modelType: 'llama',
    headDim: dividedEvenly,
    queryKeyNorm: false,
    queryKeyValueBias: undefined,
    outputBias: undefined,
    mlpBias: undefined,
  },
};

/** The `model_type` of `config.json` that goes with an architecture. */
export function modelType(architecture: Architecture): string {
  return FAMILIES[architecture].modelType;
}

/**
 * Reads a `config.json` in the keys of transformers 5 (`rope_parameters`, `dtype`) or 4 (`rope_theta`, `rope_scaling`,
 * `torch_dtype`); both give the same config.
 *
 * @param file - named in errors.
 * @throws {ConfigError} when a key is missing or malformed, or asks for an architecture or feature that is not
 * supported (experts, sliding windows, other RoPE types, quantised weights).
 */
export function parseConfig(json: unknown, file = 'config.json'): ModelConfig {
  const config = fields(json, file);
  const architecture = parseArchitecture(config, file);
  const family = FAMILIES[architecture];
  refuseUnsupported(config);

  const hiddenSize = config.count('hidden_size');
  const numAttentionHeads = config.count('num_attention_heads');
  const numKeyValueHeads = config.count('num_key_value_heads', numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw config.refuse('num_key_value_heads', `a divisor of num_attention_heads (${numAttentionHeads})`);
  }
  const headDim = config.count('head_dim', family.headDim(hiddenSize, numAttentionHeads));
  if (headDim % 2 !== 0) throw config.refuse('head_dim', 'an even number: RoPE rotates halves');
  const maxPositionEmbeddings = config.count('max_position_embeddings');
  const attentionBias = config.flag('attention_bias', false);

  return {
    architecture,
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('intermediate_size'),
    numHiddenLayers: config.count('num_hidden_layers'),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    maxPositionEmbeddings,
    rmsNormEps: config.positive('rms_norm_eps', 1e-6),
    initializerRange: config.positive('initializer_range', 0.02),
    rope: parseRope(config, maxPositionEmbeddings),
    tieWordEmbeddings: config.flag('tie_word_embeddings', false),
    queryKeyNorm: family.queryKeyNorm,
    queryKeyValueBias: family.queryKeyValueBias ?? attentionBias,
    outputBias: family.outputBias ?? attentionBias,
    mlpBias: family.mlpBias ?? config.flag('mlp_bias', false),
    storedDType: parseStoredDType(config),
    json: config.json,
  };
}

function parseArchitecture(config: Fields, file: string): Architecture {
  const supported = Object.keys(FAMILIES).join(', ');
  const architectures = config.value('architectures');
  const modelType = config.value('model_type');
  if (architectures === undefined) {
    const found = Object.entries(FAMILIES).find(([, family]) => family.modelType === modelType);
    if (found === undefined)
      throw config.refuse('model_type', `one of qwen3, qwen2, llama, or architectures (${supported})`);
    return found[0] as Architecture; // a key of FAMILIES
  }
  const name: unknown = Array.isArray(architectures) ? architectures[0] : architectures;
  if (typeof name !== 'string' || !Object.hasOwn(FAMILIES, name)) {
    throw new ConfigError({ file, key: 'architectures', value: architectures, expected: `one of ${supported}` });
  }
  const family = FAMILIES[name as Architecture]; // just found among the keys of FAMILIES
  if (modelType !== undefined && modelType !== family.modelType) {
    throw config.refuse('model_type', `"${family.modelType}", as architectures says, or nothing`);
  }
  return name as Architecture; // as above
}

/** Refuses by name what would otherwise be computed wrongly without a sign of it. */
function refuseUnsupported(config: Fields): void {
  if (config.value('hidden_act') !== undefined && config.value('hidden_act') !== 'silu') {
    throw config.refuse('hidden_act', '"silu", the only activation of the supported models');
  }
  for (const key of ['num_experts', 'num_local_experts', 'n_routed_experts']) {
    if (config.value(key) !== undefined) throw config.refuse(key, 'no experts: mixtures of experts are not supported');
  }
  if (config.value('quantization_config') !== undefined) {
    throw config.refuse('quantization_config', 'no quantised weights: they are not supported');
  }
  if (config.positive('partial_rotary_factor', 1) !== 1) {
    throw config.refuse('partial_rotary_factor', '1: partial rotation is not supported');
  }
  refuseSlidingWindow(config);
}

/** A window that is declared but used by no layer (as in most Qwen checkpoints) is no obstacle. */
function refuseSlidingWindow(config: Fields): void {
  const layerTypes = config.value('layer_types');
  if (layerTypes !== undefined) {
    const isFull = Array.isArray(layerTypes) && layerTypes.every((type) => type === 'full_attention');
    if (!isFull || layerTypes.length !== config.count('num_hidden_layers')) {
      throw config.refuse('layer_types', '"full_attention" for every layer: sliding windows are not supported');
    }
    return;
  }
  if (!config.flag('use_sliding_window', false) || config.value('sliding_window') === undefined) return;
  const firstWindowLayer = config.value('max_window_layers');
  if (typeof firstWindowLayer === 'number' && firstWindowLayer >= config.count('num_hidden_layers')) return;
  throw config.refuse('use_sliding_window', 'false: sliding windows are not supported');
}

function parseStoredDType(config: Fields): ModelConfig['storedDType'] {
  refuseContradiction(config, 'torch_dtype', 'dtype');
  const key = config.value('dtype') === undefined ? 'torch_dtype' : 'dtype';
  const dtype = config.value(key) ?? 'float32';
  if (dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16') return dtype;
  throw config.refuse(key, '"float32", "float16" or "bfloat16"');
}
