import { describe, expect, test } from 'vitest';
import { SamplingParamsError } from '../../src/errors.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';

describe('resolveSamplingParams', () => {
  test('fills in the defaults of vLLM', () => {
    expect(resolveSamplingParams()).toEqual({
      n: 1,
      maxTokens: 16,
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      frequencyPenalty: 0,
      presencePenalty: 0,
      logitBias: {},
      stop: [],
      stopTokenIds: [],
      seed: undefined,
      logProbs: 'policy',
      topLogProbs: 0,
    });
  });

  test('a later layer wins, and an undefined field in it does not', () => {
    const unset = { temperature: undefined } as unknown as SamplingParams;
    const params = resolveSamplingParams({ temperature: 0.5, n: 4 }, { n: 2, stop: 'END' }, unset);
    expect(params).toMatchObject({ temperature: 0.5, n: 2, stop: ['END'] });
  });

  const refused: readonly (readonly [keyof SamplingParams, unknown])[] = [
    ['n', 0],
    ['frequencyPenalty', 2.5],
    ['presencePenalty', Number.NaN],
    ['logitBias', { 3: 'much' }],
    ['logitBias', { three: 1 }],
    ['topLogProbs', 101],
    ['topLogProbs', -1],
    ['n', 1.5],
    ['maxTokens', 0],
    ['maxTokens', '16'],
    ['temperature', -0.1],
    ['temperature', Number.NaN],
    ['temperature', Number.POSITIVE_INFINITY],
    ['topK', -1],
    ['topP', 0],
    ['topP', 1.01],
    ['minP', -0.1],
    ['minP', 2],
    ['repetitionPenalty', 0],
    ['stop', ''],
    ['stop', ['a', '']],
    ['stopTokenIds', [1, -2]],
    ['stopTokenIds', 7],
    ['seed', 0.5],
    ['logProbs', 'all'],
  ];
  test.each(refused)('%s = %o is refused by name', (field, value) => {
    const resolve = () => resolveSamplingParams({ [field]: value });
    expect(resolve).toThrow(SamplingParamsError);
    expect(resolve).toThrow(expect.objectContaining({ code: 'ERR_GENERATOR_SAMPLING_PARAMS', field, value }));
  });

  test('an unknown field is refused, not dropped', () => {
    const misspelt = { max_tokens: 5 } as unknown as SamplingParams;
    expect(() => resolveSamplingParams(misspelt)).toThrowErrorMatchingInlineSnapshot(
      `[SamplingParamsError: Sampling option "max_tokens" is 5; it must be one of n, maxTokens, temperature, topK, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty, logitBias, stop, stopTokenIds, structuredOutputs, seed, logProbs, topLogProbs.]`,
    );
  });
});
