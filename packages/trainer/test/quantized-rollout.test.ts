// S sequences, V vocabulary
import { generationGraph, type Quantization, quantizeWeights, rotationTables } from '@forge/models';
import { openSession } from '@forge/onnx';
import { tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import type { Correction } from '../src/losses/correction.ts';
import { policyLoss } from '../src/losses/policy.ts';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(3, { initializer_range: 0.3 });
const { config } = model;
const V = config.vocabSize;
const promptIds = [3, 17, 5, 11];

/** Every completion of two tokens there is: sums over them are expectations, without the noise of sampling. */
const sequences: readonly Sequence[] = Array.from({ length: V * V }, (_, at) => ({
  promptIds,
  tokenIds: [Math.floor(at / V), at % V],
}));
const advantages = sequences.map((_, at) => Math.sin(at * 1.7));

/** Log-probabilities of the completions by the quantised model, as a generator records them. */
async function rolloutLogProbs(quantization: Quantization): Promise<readonly Float64Array[]> {
  const initializers = await quantizeWeights(config, model.weights, quantization);
  await using session = await openSession(generationGraph(config, { quantization }), { threads: 1, initializers });
  const prompts = Array.from({ length: V }, (_, first) => [...promptIds, first]);
  const T = promptIds.length + 1;
  const int64 = (shape: number[], values: readonly number[]) =>
    tensor('int64', shape, BigInt64Array.from(values, BigInt));
  const caches = session.inputs
    .filter(({ name }) => name.startsWith('past_'))
    .map(({ name, shape }) => [name, tensor('float32', [V, Number(shape[1]), T, Number(shape[3])])] as const);
  const { logits } = await session.run(
    {
      ...Object.fromEntries(caches),
      ...rotationTables(config, T),
      input_ids: int64([V, T], prompts.flat()),
      position_ids: int64(
        [V, T],
        prompts.flatMap((ids) => [...ids.keys()]),
      ),
      seqlens_k: tensor('int32', [V], new Int32Array(V).fill(T - 1)),
      total_sequence_length: tensor('int32', [], Int32Array.of(T)),
      selected: int64([V + 1], [T - 2, ...prompts.map((_, row) => row * T + T - 1)]),
    },
    {
      ...Object.fromEntries(caches.map(([name, cache]) => [name.replace('past', 'present'), cache])),
      logits: tensor('float32', [V + 1, V]),
    },
  );
  const rows = Array.from({ length: V + 1 }, (_, row) =>
    logSoftmax(Array.from(logits!.data, Number).slice(row * V, (row + 1) * V)),
  );
  return sequences.map(({ tokenIds: [first, second] }) =>
    Float64Array.of(rows[0]![first!]!, rows[1 + first!]![second!]!),
  );
}

function logSoftmax(row: readonly number[]): readonly number[] {
  const largest = Math.max(...row);
  const logSum = largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return row.map((value) => value - logSum);
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

describe.each(['int8', 'int4'] as const)('rollouts of %s weights', (quantization) => {
  test('with importance weights their gradient is nearer to the on-policy one than without', async () => {
    await using training = await openTraining(model, { threads: 1 });
    const { logProbs } = await training.forward(sequences);
    const samplerLogProbs = await rolloutLogProbs(quantization);
    const current = logProbs.map((row) => Float64Array.from(row));

    /** The expected gradient when completions are drawn with these log-probabilities. */
    const gradient = async (drawn: readonly Float64Array[], correction: Correction | 'off') => {
      const { weights } = policyLoss(
        {
          logProbs: current,
          samplerLogProbs: drawn,
          advantages: advantages.map((advantage, s) => advantage * V * V * Math.exp(sum(drawn[s]!))),
        },
        { name: 'grpo', correction },
      );
      training.zeroGradients();
      await training.forwardBackward(sequences, weights);
      return Object.values(training.gradients).flatMap(({ data }) => [...data]);
    };
    const onPolicy = await gradient(current, 'off');
    const distance = (other: readonly number[]): number =>
      Math.hypot(...other.map((value, at) => value - onPolicy[at]!)) / Math.hypot(...onPolicy);
    const without = distance(await gradient(samplerLogProbs, 'off'));
    const byToken = distance(await gradient(samplerLogProbs, { mode: 'token_truncate', max: 2 }));
    const bySequence = distance(await gradient(samplerLogProbs, { mode: 'sequence_truncate', max: 2 }));
    expect(without).toBeGreaterThan(0.01);
    // A weight a token knows nothing of the other tokens of its sequence; one a sequence is exact up to its bound.
    expect(byToken).toBeLessThan(0.75 * without);
    expect(bySequence).toBeLessThan(0.75 * byToken);
  });
});
