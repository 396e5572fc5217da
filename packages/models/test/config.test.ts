import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, parameters, parseConfig } from '../src/index.ts';
import { goldenFolder } from './temporary-folder.ts';

const GOLDEN = [
  'qwen3_tied',
  'qwen3_untied',
  'qwen2',
  'llama',
  'llama3_rope',
  'qwen3_tied_bf16',
  'qwen3_untied_sharded',
];

async function json(model: string, file = 'config.json'): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(goldenFolder(model), file), 'utf8'));
}

function without(config: Record<string, unknown>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== key));
}

describe('both dialects', () => {
  test.each(GOLDEN)('%s means the same in the keys of transformers 4 and 5', async (model) => {
    const { json: _, ...modern } = parseConfig(await json(model));
    const { json: __, ...legacy } = parseConfig(await json(model, 'config.legacy.json'));
    expect(modern).toEqual(legacy);
  });

  test('llama3 scaling is read whole', async () => {
    expect(parseConfig(await json('llama3_rope')).rope).toEqual({
      theta: 500_000,
      llama3: { factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 64 },
    });
  });

  test('rope_scaling may name its type by the older key', async () => {
    const legacy = await json('llama3_rope', 'config.legacy.json');
    const { rope_type, ...scaling } = legacy['rope_scaling'] as Record<string, unknown>;
    expect(parseConfig({ ...legacy, rope_scaling: { ...scaling, type: rope_type } }).rope.llama3?.factor).toBe(8);
  });
});

describe('defaults', () => {
  test('a head is hidden size by heads wide in Qwen2 and Llama', async () => {
    expect(parseConfig(await json('qwen2')).headDim).toBe(10);
    expect(parseConfig(without(await json('llama'), 'head_dim')).headDim).toBe(8);
  });

  test('a head is 128 wide in Qwen3', async () => {
    expect(parseConfig(without(await json('qwen3_tied'), 'head_dim')).headDim).toBe(128);
  });

  test('without architectures the model type decides', async () => {
    expect(parseConfig(without(await json('qwen2'), 'architectures')).architecture).toBe('Qwen2ForCausalLM');
  });

  test('a sliding window that no layer uses is accepted', async () => {
    const config = { ...without(await json('qwen2'), 'layer_types'), use_sliding_window: true, sliding_window: 64 };
    expect(parseConfig(config).numHiddenLayers).toBe(2);
  });
});

describe.each([
  ['transformers 5', 'config.json', 'rope_parameters'],
  ['transformers 4', 'config.legacy.json', 'rope_scaling'],
])('in the keys of %s', (_, file, ropeKey) => {
  test.each([
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'max_position_embeddings',
  ])('a missing %s is named', async (key) => {
    const config = without(await json('llama3_rope', file), key);
    expect(() => parseConfig(config)).toThrow(expect.objectContaining({ code: 'ERR_MODELS_CONFIG', key }));
  });

  test.each(['factor', 'low_freq_factor', 'high_freq_factor'])('a missing %s of RoPE is named', async (key) => {
    const config = await json('llama3_rope', file);
    const rope = without(config[ropeKey] as Record<string, unknown>, key);
    const parse = (): unknown => parseConfig({ ...config, [ropeKey]: rope });
    expect(parse).toThrow(expect.objectContaining({ code: 'ERR_MODELS_CONFIG', key: `${ropeKey}.${key}` }));
  });

  test('whatever stands at a key is read or refused by name', async () => {
    const config = await json('llama3_rope', file);
    const keys = fc.constantFrom(...Object.keys(config), 'use_sliding_window', 'partial_rotary_factor', 'num_experts');
    fc.assert(
      fc.property(keys, fc.jsonValue(), fc.boolean(), (key, value, isRope) => {
        const changed = isRope
          ? { ...config, [ropeKey]: { ...(config[ropeKey] as object), [key]: value, rope_type: value } }
          : { ...config, [key]: value };
        try {
          expect(parseConfig(changed).json).toBe(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('contradictions', () => {
  test.each([
    ['model_type', { model_type: 'llama' }],
    ['rope_theta', { rope_theta: 1234 }],
    ['rope_scaling', { rope_scaling: { rope_type: 'llama3', factor: 2 } }],
    ['torch_dtype', { torch_dtype: 'float16' }],
    ['layer_types', { layer_types: ['full_attention'] }],
    [
      'rope_parameters.partial_rotary_factor',
      { rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } },
    ],
  ])('of %s with another key are refused', async (key, change) => {
    const config = { ...(await json('qwen3_tied')), ...change };
    expect(() => parseConfig(config)).toThrow(expect.objectContaining({ code: 'ERR_MODELS_CONFIG', key }));
  });

  test('two keys that say the same are read', async () => {
    const config = await json('qwen3_tied');
    const { rope_theta } = config['rope_parameters'] as { rope_theta: number };
    const both = { ...config, rope_theta, rope_scaling: config['rope_parameters'], torch_dtype: config['dtype'] };
    expect(parseConfig(both).rope.theta).toBe(rope_theta);
  });
});

describe('refusals', () => {
  const cases: readonly (readonly [string, Record<string, unknown>])[] = [
    ['architectures', { architectures: ['Qwen3MoeForCausalLM'] }],
    ['vocab_size', { vocab_size: '128' }],
    ['hidden_size', { hidden_size: null }],
    ['num_key_value_heads', { num_key_value_heads: 3 }],
    ['head_dim', { head_dim: 15 }],
    ['rms_norm_eps', { rms_norm_eps: -1 }],
    ['tie_word_embeddings', { tie_word_embeddings: 'yes' }],
    ['hidden_act', { hidden_act: 'gelu' }],
    ['num_experts', { num_experts: 8 }],
    ['quantization_config', { quantization_config: { quant_method: 'gptq' } }],
    ['layer_types', { layer_types: ['full_attention', 'sliding_attention'] }],
    ['use_sliding_window', { layer_types: null, use_sliding_window: true, sliding_window: 64, max_window_layers: 1 }],
    ['rope_parameters.rope_type', { rope_parameters: { rope_type: 'yarn', factor: 4 } }],
    ['rope_parameters.factor', { rope_parameters: { rope_type: 'llama3', low_freq_factor: 1, high_freq_factor: 4 } }],
    ['dtype', { dtype: 'float8_e4m3fn' }],
  ];

  test.each(cases)('%s names the file, the key, the value and what was expected', async (key, change) => {
    const config = { ...(await json('qwen3_tied')), ...change };
    const parse = (): unknown => parseConfig(config, 'folder/config.json');
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(expect.objectContaining({ code: 'ERR_MODELS_CONFIG', file: 'folder/config.json', key }));
  });

  test('the message can be acted on', async () => {
    const config = { ...(await json('qwen3_tied')), rope_parameters: { rope_type: 'yarn' } };
    expect(() => parseConfig(config)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: config.json: rope_parameters.rope_type is "yarn", expected "default" or "llama3": other RoPE types are not supported.]`,
    );
  });
});

test('parameters stand in the order of PyTorch, heads without biases, norms beside their projections', async () => {
  const names = parameters(parseConfig(await json('qwen3_untied'))).map(({ name }) => name);
  expect(names.slice(0, 12)).toEqual([
    'model.embed_tokens.weight',
    'model.layers.0.self_attn.q_proj.weight',
    'model.layers.0.self_attn.k_proj.weight',
    'model.layers.0.self_attn.v_proj.weight',
    'model.layers.0.self_attn.o_proj.weight',
    'model.layers.0.self_attn.q_norm.weight',
    'model.layers.0.self_attn.k_norm.weight',
    'model.layers.0.mlp.gate_proj.weight',
    'model.layers.0.mlp.up_proj.weight',
    'model.layers.0.mlp.down_proj.weight',
    'model.layers.0.input_layernorm.weight',
    'model.layers.0.post_attention_layernorm.weight',
  ]);
  expect(names.slice(-2)).toEqual(['model.norm.weight', 'lm_head.weight']);
});
