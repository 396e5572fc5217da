import type { HubOptions } from '@forge/hub';
import type { Tensor } from '@forge/tensor';
import { expectTypeOf, test } from 'vitest';
import { loadModel, openSafetensors, parseConfig, resolveModel, type Tokenizer, type Weights } from '../src/index.ts';

test('a tensor that is converted while it is read has the dtype that was asked for', async () => {
  await using file = await openSafetensors('model.safetensors');
  expectTypeOf(await file.read('a', { dtype: 'bfloat16' })).toEqualTypeOf<Tensor<'bfloat16'>>();
  expectTypeOf(await file.read('a')).toEqualTypeOf<Tensor>();
});

test('weights are float32 and are not replaced in place', () => {
  const weights: Weights = {};
  expectTypeOf(weights['a']!).toEqualTypeOf<Tensor<'float32'>>();
  // @ts-expect-error a new weight set is a new object
  weights['a'] = weights['b']!;
});

test('a config is read-only, and encoding takes text alone', () => {
  const config = parseConfig({});
  // @ts-expect-error sizes belong to the checkpoint
  config.vocabSize = 1;
  expectTypeOf<Tokenizer['encode']>().parameters.toEqualTypeOf<[text: string]>();
});

test('a model is named with options of the hub, and parts have names', () => {
  expectTypeOf(loadModel).parameter(1).toExtend<HubOptions | undefined>();
  expectTypeOf(resolveModel).returns.resolves.toBeString();
  // @ts-expect-error weights alone are no part: they need their config
  void resolveModel('a/b', { part: 'weights' });
  // @ts-expect-error loading a model brings all of it
  void loadModel('a/b', { part: 'tokenizer' });
});
