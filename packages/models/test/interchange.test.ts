import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSession } from '@forge/onnx';
import { describe, expect, test } from 'vitest';
import {
  loadConfig,
  loadLora,
  loadWeights,
  type ModelConfig,
  mergeLora,
  readSafetensors,
  saveLora,
  saveModel,
  scoringGraph,
} from '../src/index.ts';
import { ALL_MODELS, distance, goldenModel, padded, targetFeeds } from './golden-model.ts';
import { copyOfGolden, goldenFolder, temporaryFolder } from './temporary-folder.ts';

// What Python writes is in golden/, made by golden/interchange.py.
const digests: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  await readFile(goldenFolder('interchange.json'), 'utf8'),
)['model.safetensors sha256'];

describe.each(ALL_MODELS)('%s', (name) => {
  test.each(['float32', 'bfloat16', 'float16'] satisfies ModelConfig['storedDType'][])(
    'is saved in %s byte for byte as transformers saves it',
    async (dtype) => {
      const config = await loadConfig(goldenFolder(name));
      const folder = await temporaryFolder();
      await saveModel(folder, { config, weights: await loadWeights(goldenFolder(name), config), dtype });
      const bytes = await readFile(join(folder, 'model.safetensors'));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(digests[name]![dtype]);
    },
  );
});

test('shards are those of transformers, byte for byte, and take the place of what was there', async () => {
  const folder = await copyOfGolden('qwen3_tied');
  const golden = goldenFolder('qwen3_untied_sharded');
  const config = await loadConfig(golden);
  const weights = await loadWeights(golden, config);
  await saveModel(folder, { config, weights, maxShardBytes: 60_700 });
  const shards = (from: string) => readdir(from).then((names) => names.filter((name) => name.startsWith('model')));
  expect((await shards(folder)).toSorted()).toEqual((await shards(golden)).toSorted());
  for (const name of await shards(golden)) {
    expect(await readFile(join(folder, name))).toEqual(await readFile(join(golden, name)));
  }
  await saveModel(folder, { config, weights });
  expect(await shards(folder)).toEqual(['model.safetensors']);
  expect(await loadWeights(folder, config)).toEqual(weights);
});

describe.each(['qwen3_tied', 'qwen2', 'llama'])('adapters that PEFT saved for %s', (name) => {
  const folder = join(goldenFolder('peft'), name);

  test('score as they do in PEFT, beside the model and merged into it', async () => {
    const { config, weights, sequences } = await goldenModel(name);
    const { lora, weights: adapters } = await loadLora(folder, config);
    const expected = await readSafetensors(join(folder, 'expected.safetensors'));
    const { shape, data } = expected['next_token_logprobs']!;
    const own = sequences.flatMap(({ length }, b) => [...data].slice(b * shape[1]!, b * shape[1]! + length - 1));
    const packed = padded(sequences);
    const feeds = { ...packed.feeds, ...targetFeeds(sequences, packed) };
    const all = { ...weights, ...adapters };
    await using beside = await openSession(scoringGraph(config, { lora }), { threads: 1 });
    await using merged = await openSession(scoringGraph(config), { threads: 1 });
    for (const scores of [
      await beside.run({ ...feeds, ...all }),
      await merged.run({ ...feeds, ...mergeLora(config, all, lora) }),
    ]) {
      expect(distance([...scores['log_probs']!.data].map(Number), own.map(Number))).toBeLessThan(1e-4);
    }
  });

  test('are saved again byte for byte, under keys that PEFT writes', async () => {
    const config = await loadConfig(goldenFolder(name));
    const adapters = await loadLora(folder, config);
    const target = await temporaryFolder();
    await saveLora(target, { config, ...adapters, modelName: name });
    const file = 'adapter_model.safetensors';
    expect(await readFile(join(target, file))).toEqual(await readFile(join(folder, file)));
    const json = async (at: string) => JSON.parse(await readFile(join(at, 'adapter_config.json'), 'utf8'));
    const [ours, theirs] = [await json(target), await json(folder)];
    expect(Object.keys(theirs)).toEqual(expect.arrayContaining(Object.keys(ours)));
    if (!theirs.use_rslora) expect({ ...theirs, target_modules: ours.target_modules }).toMatchObject(ours);
  });
});
