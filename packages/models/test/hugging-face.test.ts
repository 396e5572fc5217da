import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  checkWeightFiles,
  initialize,
  loadConfig,
  loadModel,
  loadWeights,
  ModelFileError,
  parameters,
  parseConfig,
  readSafetensors,
  SafetensorsError,
  type SavedModel,
  saveModel,
  type Weights,
  WeightsError,
  writeSafetensors,
} from '../src/index.ts';
import { goldenFolder, modelWithTokenizer, temporaryFolder } from './temporary-folder.ts';

/** A model with its tokenizer, as a folder that a test may damage. */
const modelFolder = (): Promise<string> => modelWithTokenizer('qwen3_tied');
const shardedFolder = (): Promise<string> => modelWithTokenizer('qwen3_untied_sharded', { maxShardBytes: 120_000 });

async function editJson(file: string, change: Record<string, unknown>): Promise<void> {
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
}

async function editWeights(folder: string, change: (tensors: Record<string, Tensor>) => void): Promise<void> {
  const file = join(folder, 'model.safetensors');
  const tensors = await readSafetensors(file);
  change(tensors);
  await writeSafetensors(file, tensors);
}

describe('loading', () => {
  test('weights stand in the order of the parameters', async () => {
    const folder = goldenFolder('qwen3_untied');
    const config = await loadConfig(folder);
    const weights = await loadWeights(folder, config);
    expect(Object.keys(weights)).toEqual(parameters(config).map(({ name }) => name));
  });

  test('bfloat16 is widened exactly', async () => {
    const folder = goldenFolder('qwen3_tied_bf16');
    const weights = await loadWeights(folder, await loadConfig(folder));
    const stored = await readSafetensors(join(folder, 'model.safetensors'));
    const name = 'model.norm.weight';
    const bits = stored[name]!.data as Uint16Array; // the folder is bfloat16 throughout
    expect(new Uint32Array(weights[name]!.data.buffer)).toEqual(Uint32Array.from(bits, (half) => (half << 16) >>> 0));
  });

  test('shards are joined by their index', async () => {
    const folder = await shardedFolder();
    const { config, weights } = await loadModel(folder);
    expect(Object.keys(weights)).toHaveLength(parameters(config).length);
    await checkWeightFiles(folder, config);
  });

  test('a head stored with a tied model is the embedding, and skipped', async () => {
    const folder = await modelFolder();
    await editWeights(folder, (tensors) => {
      tensors['lm_head.weight'] = tensors['model.embed_tokens.weight']!;
    });
    expect(Object.keys((await loadModel(folder)).weights)).not.toContain('lm_head.weight');
  });
});

describe('saving', () => {
  test('a model that is loaded and saved has the files and the bytes it had', async () => {
    const source = await modelFolder();
    await writeFile(join(source, 'generation_config.json'), JSON.stringify({ temperature: 0.6, top_k: 20 }));
    const { config, weights, generation } = await loadModel(source);
    const target = join(await temporaryFolder(), 'new', 'model');
    await saveModel(target, { config, weights, tokenizerFolder: source });
    expect((await readdir(target)).toSorted()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const bytes = (folder: string): Promise<Buffer> => readFile(join(folder, 'model.safetensors'));
    expect(await bytes(target)).toEqual(await bytes(source));
    const json = async (folder: string): Promise<unknown> =>
      JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    expect(await json(target)).toEqual(await json(source));
    expect(generation).toMatchObject({ temperature: 0.6, topK: 20, topP: undefined });
  });

  test('the dtype that is stored is the dtype that is declared', async () => {
    const folder = await temporaryFolder();
    const config = await loadConfig(goldenFolder('qwen3_tied'));
    await saveModel(folder, { config, weights: initialize(config, 1), dtype: 'bfloat16' });
    expect((await loadConfig(folder)).storedDType).toBe('bfloat16');
    const stored = await readSafetensors(join(folder, 'model.safetensors'));
    expect(new Set(Object.values(stored).map(({ dtype }) => dtype))).toEqual(new Set(['bfloat16']));
  });

  test('a config in the keys of transformers 4 keeps its dialect', async () => {
    const folder = await temporaryFolder();
    const legacy = JSON.parse(await readFile(join(goldenFolder('llama'), 'config.legacy.json'), 'utf8'));
    const config = parseConfig(legacy);
    await saveModel(folder, { config, weights: initialize(config, 1), dtype: 'float16' });
    const saved = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    expect(saved).toEqual({ ...legacy, torch_dtype: 'float16' });
  });

  test('weights that do not fit are refused before anything is written', async () => {
    const folder = join(await temporaryFolder(), 'model');
    const config = await loadConfig(goldenFolder('qwen3_tied'));
    const { 'model.norm.weight': _, ...weights } = initialize(config, 1);
    await expect(saveModel(folder, { config, weights })).rejects.toThrow(WeightsError);
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
  });
});

describe('missing and malformed files', () => {
  test.each(['config.json', 'model.safetensors', 'tokenizer.json'])('a missing %s is named', async (name) => {
    const folder = await modelFolder();
    await rm(join(folder, name));
    const file = join(folder, name);
    await expect(loadModel(folder)).rejects.toThrow(expect.objectContaining({ code: 'ERR_MODELS_FILE', file }));
  });

  test.each(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])(
    'a %s that is not JSON is named',
    async (name) => {
      const folder = await modelFolder();
      const file = join(folder, name);
      await writeFile(file, '{"a": ');
      await expect(loadModel(folder)).rejects.toThrow(expect.objectContaining({ code: 'ERR_MODELS_FILE', file }));
    },
  );

  test('a truncated model.safetensors is named', async () => {
    const folder = await modelFolder();
    const file = join(folder, 'model.safetensors');
    await writeFile(file, (await readFile(file)).subarray(0, 50_000));
    await expect(loadModel(folder)).rejects.toThrow(SafetensorsError);
  });

  const NAME = 'model.layers.1.mlp.up_proj.weight';
  const damages: readonly (readonly [string, object, (tensors: Record<string, Tensor>) => void])[] = [
    [
      'a missing tensor',
      { tensor: NAME, expected: 'shape [80, 48]', got: 'no such tensor' },
      (tensors) => {
        delete tensors[NAME];
      },
    ],
    [
      'a tensor left over',
      { tensor: 'model.extra', expected: 'no such tensor in a Qwen3ForCausalLM', got: 'shape [2]' },
      (tensors) => {
        tensors['model.extra'] = tensor('float32', [2]);
      },
    ],
    [
      'a tensor of another shape',
      { tensor: NAME, expected: 'shape [80, 48]', got: 'shape [48, 80]' },
      (tensors) => {
        tensors[NAME] = tensor('float32', [48, 80]);
      },
    ],
    [
      'a tensor of whole numbers',
      { tensor: NAME, expected: 'a floating point dtype', got: 'int8' },
      (tensors) => {
        tensors[NAME] = tensor('int8', [80, 48]);
      },
    ],
  ];

  test.each(damages)('%s is named with what was expected', async (_, expected, damage) => {
    const folder = await modelFolder();
    await editWeights(folder, damage);
    const error = await loadModel(folder).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(WeightsError);
    expect(error).toMatchObject(expected);
    await expect(checkWeightFiles(folder, await loadConfig(folder))).rejects.toThrow((error as WeightsError).message);
  });

  test('an index that names files elsewhere is refused', async () => {
    const folder = await shardedFolder();
    await editJson(join(folder, 'model.safetensors.index.json'), { weight_map: { a: '../secret.safetensors' } });
    await expect(loadModel(folder)).rejects.toThrow(ModelFileError);
  });

  test('a tensor that the index places in a shard without it is named', async () => {
    const folder = await shardedFolder();
    const file = join(folder, 'model.safetensors.index.json');
    const { weight_map: map } = JSON.parse(await readFile(file, 'utf8'));
    await editJson(file, { weight_map: { ...map, 'lm_head.weight': 'model-00001-of-00003.safetensors' } });
    await expect(loadModel(folder)).rejects.toThrow(expect.objectContaining({ tensor: 'lm_head.weight' }));
  });
});

test('the tokenizer of another model is refused, with the ids that have no embedding', async () => {
  const folder = await modelFolder();
  await saveModel(folder, await smaller(folder));
  await expect(loadModel(folder)).rejects.toMatchObject({
    code: 'ERR_MODELS_FILE',
    file: join(folder, 'tokenizer.json'),
    expected: 'ids below the 600 of vocab_size in config.json',
  });
});

/** The model of a folder with fewer tokens than its tokenizer has. */
async function smaller(folder: string): Promise<SavedModel> {
  const config = parseConfig({ ...(await loadConfig(folder)).json, vocab_size: 600 });
  return { config, weights: initialize(config, 1) };
}

describe('initial weights', () => {
  const deviation = ({ data }: { data: Float32Array }): number =>
    Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);

  test('a seed decides them, and another seed gives others', async () => {
    const config = await loadConfig(goldenFolder('qwen2'));
    expect(initialize(config, 7)).toEqual(initialize(config, 7));
    expect(initialize(config, 7)).not.toEqual(initialize(config, 8));
  });

  test('norms are 1, biases 0, the rest normal with the deviation of the config', async () => {
    const config = await loadConfig(goldenFolder('qwen2'));
    const weights: Weights = initialize(config, 7);
    expect(new Set(weights['model.norm.weight']!.data)).toEqual(new Set([1]));
    expect(new Set(weights['model.layers.0.self_attn.q_proj.bias']!.data)).toEqual(new Set([0]));
    expect(deviation(weights['model.embed_tokens.weight']!)).toBeCloseTo(0.02, 3);
  });

  test('residual projections may be scaled by depth', async () => {
    const config = await loadConfig(goldenFolder('qwen2'));
    const plain = initialize(config, 7)['model.layers.1.mlp.down_proj.weight']!;
    const scaled = initialize(config, 7, { scaleResiduals: true })['model.layers.1.mlp.down_proj.weight']!;
    expect(deviation(scaled) / deviation(plain)).toBeCloseTo(1 / Math.sqrt(4), 5);
  });
});
