import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdjustedLogits } from '../../src/sampling/adjusted-logits.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';

const size = 6;
const adjust = (logits: Float32Array, params: SamplingParams, promptIds: number[], tokenIds: number[]) =>
  new AdjustedLogits(size).of(logits, resolveSamplingParams(params), { promptIds, tokenIds });

const ids = fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 12 });
const logits = fc
  .array(fc.integer({ min: -64, max: 64 }), { minLength: size, maxLength: size })
  .map((values) => Float32Array.from(values, (value) => value / 8));
/** Quarters, so that sums are exact. */
const quarter = fc.integer({ min: -8, max: 8 }).map((value) => value / 4);

describe('AdjustedLogits', () => {
  test('without bias and penalties the logits are the very same', () => {
    const given = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(adjust(given, {}, [1], [2])).toBe(given);
  });

  test('frequency and presence count the completion and not the prompt', () => {
    fc.assert(
      fc.property(logits, ids, ids, quarter, quarter, (given, prompt, own, frequencyPenalty, presencePenalty) => {
        const adjusted = adjust(given, { frequencyPenalty, presencePenalty }, prompt, own);
        for (let id = 0; id < size; id++) {
          const count = own.filter((one) => one === id).length;
          expect(adjusted[id]).toBe(given[id]! - count * frequencyPenalty - (count > 0 ? presencePenalty : 0));
        }
      }),
    );
  });

  test('the repetition penalty sees each token of prompt and completion once, after the bias', () => {
    fc.assert(
      fc.property(logits, ids, ids, quarter, (given, prompt, own, bias) => {
        const adjusted = adjust(given, { repetitionPenalty: 2, logitBias: { 3: bias } }, prompt, own);
        for (let id = 0; id < size; id++) {
          const biased = given[id]! + (id === 3 ? bias : 0);
          const isSeen = prompt.includes(id) || own.includes(id);
          expect(adjusted[id]).toBeCloseTo(isSeen ? (biased > 0 ? biased / 2 : biased * 2) : biased, 6);
        }
      }),
    );
  });

  test('what was given stays as it was', () => {
    const given = Float32Array.of(1, 2, 3, 4, 5, 6);
    adjust(given, { repetitionPenalty: 3, frequencyPenalty: 1, logitBias: { 0: 9 } }, [1], [2, 2]);
    expect(given).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
  });
});
