import { describe, expect, test } from 'vitest';
import { expected, generate, modelNames, openEngine } from '../golden-models.ts';

describe.each(modelNames)('%s', (name) => {
  const { greedy } = expected(name);

  test.each(['c-api', 'binding'] as const)('continues greedily as PyTorch does, on the %s runtime', async (runtime) => {
    await using engine = await openEngine(name, { runner: { runtime } });
    const sampling = { temperature: 0, maxTokens: greedy.max_new_tokens };
    const completions = await Promise.all(greedy.runs.map((run) => generate(engine, run.prompt_ids, sampling)));
    for (const [at, run] of greedy.runs.entries()) {
      const [completion] = completions[at]!;
      expect(completion?.tokenIds).toEqual(run.new_ids);
      expect(completion?.finishReason).toBe('length');
      const worst = Math.max(...run.new_logprobs.map((logProb, t) => Math.abs(logProb - completion!.logProbs[t]!)));
      expect(worst).toBeLessThan(1e-4);
    }
  });
});

const withStop = modelNames.flatMap((name) => {
  const { greedy_with_stop } = expected(name);
  return greedy_with_stop ? [{ name, ...greedy_with_stop }] : [];
});

test.each(withStop)(
  '$name stops at the end token, which is the last of the tokens and not in the text',
  async (golden) => {
    const { name, eos_token_id, max_new_tokens, runs } = golden;
    await using engine = await openEngine(name, { endTokenIds: [eos_token_id] });
    for (const run of runs) {
      const [completion] = await generate(engine, run.prompt_ids, { temperature: 0, maxTokens: max_new_tokens });
      expect(completion?.tokenIds).toEqual(run.new_ids);
      const isStopped = run.new_ids.at(-1) === eos_token_id;
      expect(completion?.finishReason).toBe(isStopped ? 'stop' : 'length');
      expect(completion?.stoppedBy).toBe(isStopped ? eos_token_id : undefined);
      expect(completion?.text).toHaveLength(isStopped ? run.new_ids.length - 1 : run.new_ids.length);
    }
  },
);
