import { openSession } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { cacheHeadDim, generationGraph, initialize, rotationTables } from '../src/index.ts';
import { report, SMALL, time } from './small-model.ts';

const NUM_PROMPT = 16;
const NUM_NEW = 32;

await using session = await openSession(generationGraph(SMALL), { threads: 2, spinning: true });
const weights = initialize(SMALL, 1);

/** Tokens a second while `batch` sequences are decoded greedily, each from a prompt of 16 tokens. */
async function tokensPerSecond(batch: number, capacity: number): Promise<number> {
  const caches = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(
      ['key', 'value'].flatMap((what) =>
        Array.from({ length: SMALL.numHiddenLayers }, (_, layer) => [
          `${prefix}_${what}.${layer}`,
          cacheOf(what, layer),
        ]),
      ),
    );
  const made = new Map<string, Tensor>();
  const cacheOf = (what: string, layer: number): Tensor => {
    const name = `${what}.${layer}`;
    const shape = [batch, SMALL.numKeyValueHeads, capacity, cacheHeadDim(SMALL)];
    const cache = made.get(name) ?? tensor('float32', shape);
    made.set(name, cache);
    return cache;
  };
  const logits = tensor('float32', [batch, SMALL.vocabSize]);
  const feeds = { ...weights, ...rotationTables(SMALL, capacity), ...caches('past') };
  const fetches = { logits, ...caches('present') };

  const step = async (ids: readonly bigint[], start: number): Promise<bigint[]> => {
    const numTokens = ids.length / batch;
    const positions = ids.map((_, index) => BigInt(start + (index % numTokens)));
    const total = start + numTokens;
    await session.run(
      {
        ...feeds,
        input_ids: tensor('int64', [batch, numTokens], BigInt64Array.from(ids)),
        position_ids: tensor('int64', [batch, numTokens], BigInt64Array.from(positions)),
        seqlens_k: tensor('int32', [batch], new Int32Array(batch).fill(total - 1)),
        total_sequence_length: tensor('int32', [], Int32Array.of(total)),
        selected: tensor(
          'int64',
          [batch],
          BigInt64Array.from({ length: batch }, (_, row) => BigInt((row + 1) * numTokens - 1)),
        ),
      },
      fetches,
    );
    return Array.from({ length: batch }, (_, row) => {
      const scores = logits.data.subarray(row * SMALL.vocabSize, (row + 1) * SMALL.vocabSize);
      return BigInt(scores.reduce((at, score, id) => (score > scores[at]! ? id : at), 0));
    });
  };

  const prompt = Array.from({ length: batch * NUM_PROMPT }, (_, index) => BigInt((index * 7919) % SMALL.vocabSize));
  const first = await step(prompt, 0);
  const { bestMs } = await time(async () => {
    let next: readonly bigint[] = first;
    for (let token = 0; token < NUM_NEW; token += 1) next = await step(next, NUM_PROMPT + token);
  });
  return (batch * NUM_NEW * 1000) / bestMs;
}

const alone = await tokensPerSecond(1, 64);
for (const capacity of [64, 1024]) {
  report({
    bench: `decode 32 sequences, 0.8M parameters, capacity ${capacity}`,
    value: await tokensPerSecond(32, capacity),
    unit: 'tokens/s',
    control: 'one sequence',
    controlValue: alone,
  });
}
