import { policyVersionOf, sampledFrom } from '@forge/data';
import { conversation } from '@forge/run';
import { Random } from '@forge/tensor';
import type { Pacing } from '../pacing.ts';
import type { Reference } from '../parts.ts';
import { answerOf } from '../rewards/answer-of.ts';
import type { Run } from '../run.ts';

/**
 * Loop 1: prompts to scored groups in the replay buffer, as many at once as the pacing admits.
 * Ends only by the signal or by the first failure.
 */
export async function rollouts(run: Run, reference: Reference | undefined, pacing: Pacing): Promise<void> {
  const failed = new AbortController();
  const ended = AbortSignal.any([run.signal, failed.signal]);
  const running = new Set<Promise<void>>();
  try {
    for (;;) {
      const number = await pacing.admit(ended);
      const rollout = collect({ ...run, signal: ended }, reference, number).then(
        () => pacing.groupAdded(number),
        (error) => failed.abort(error),
      );
      running.add(rollout);
      void rollout.finally(() => running.delete(rollout));
    }
  } finally {
    await Promise.all(running);
  }
}

async function collect(
  { config, parts, signal }: Run,
  reference: Reference | undefined,
  number: number,
): Promise<void> {
  const { dataset, generator, buffer } = parts;
  const task = await dataset.sampleAt.with({ signal }).callOne(number);
  const completions = await generator.chat.with({ signal }).route(conversation(task), {
    n: config.grpo.groupSize,
    temperature: config.generator.temperature,
    maxTokens: config.generator.maxTokens,
    // Of the group alone, so that a run does not depend on which group is sampled beside which.
    seed: new Random(config.run.seed).split(`group ${number}`).integer(2 ** 31),
  });
  const [scores, refLogProbs] = await Promise.all([
    parts.score(
      completions.map((completion) => answerOf(completion, task)),
      signal,
    ),
    reference?.forward.with({ signal }).route(completions.map(({ promptIds, tokenIds }) => ({ promptIds, tokenIds }))),
  ]);
  const given = config.reward.shuffle ? new Random(config.run.seed).split(`shuffle ${number}`).shuffle(scores) : scores;
  const episodes = completions.map((completion, i) => ({
    ...sampledFrom(completion),
    ...given[i]!, // one score a completion
    target: task.target,
    ...(refLogProbs && { refLogProbs: refLogProbs[i]! }),
  }));
  await buffer.add.with({ signal }).callOne({ number, policyVersion: policyVersionOf(episodes), episodes });
}
