import { policyVersionOf } from '@forge/data';
import type { Task } from '@forge/environments';
import { answerOf, given, play } from '@forge/run';
import { Random } from '@forge/tensor';
import type { Loops } from '../loops.ts';
import type { Run } from '../run.ts';
import { rejectReason } from './reject-reason.ts';

/**
 * Loop 1: prompts to scored groups in the replay buffer, as many at once as the pacing admits.
 * Ends only by the signal or by the first failure.
 */
export async function rollouts(run: Run, loops: Loops): Promise<void> {
  const failed = new AbortController();
  const ended = AbortSignal.any([run.signal, failed.signal]);
  const running = new Set<Promise<void>>();
  try {
    for (;;) {
      const number = await loops.pacing.admit(ended);
      const rollout = collect({ ...run, signal: ended }, loops, number).catch((error) => failed.abort(error));
      running.add(rollout);
      void rollout.finally(() => running.delete(rollout));
    }
  } finally {
    await Promise.all(running);
  }
}

async function collect(
  { config, parts, signal }: Run,
  { pacing, rejects, curriculum, reference, teacher }: Loops,
  number: number,
): Promise<void> {
  const { buffer } = parts;
  const task = await curriculum.pick(number);
  const [sampled, greedyReward] = await Promise.all([
    play({ config, parts }, task, {
      n: config.grpo.groupSize,
      temperature: config.generator.temperature,
      // Of the group alone, so that a run does not depend on which group is sampled beside which.
      seed: new Random(config.run.seed).split(`group ${number}`).integer(2 ** 31),
      signal,
    }),
    config.grpo.advantage === 'remax' ? playGreedily({ config, parts, signal }, task) : undefined,
  ]);
  const sequences = sampled.map(({ promptIds, tokenIds }) => ({ promptIds, tokenIds }));
  const [scores, refLogProbs, teacherLogProbs] = await Promise.all([
    parts.score(
      sampled.map((each) => answerOf(each, task)),
      signal,
    ),
    reference?.score(sequences, signal),
    teacher?.score(sequences, signal),
  ]);
  const earned = config.reward.shuffle
    ? new Random(config.run.seed).split(`shuffle ${number}`).shuffle(scores)
    : scores;
  const episodes = sampled.map((each, i) => ({
    ...each,
    ...earned[i]!, // one score a completion
    target: task.target,
    ...(config.dataset.sources && { source: task.source }),
    ...(refLogProbs && { refLogProbs: refLogProbs[i]! }),
    ...(teacherLogProbs && { teacherLogProbs: teacherLogProbs[i]! }),
  }));
  const role = task.environment ?? task.source;
  const group = { number, policyVersion: policyVersionOf(episodes), episodes, ...given({ role, greedyReward }) };
  const reason = rejectReason(group, config.grpo);
  if (reason === undefined) {
    await buffer.add.with({ signal }).callOne(group);
    pacing.groupAdded(number);
  } else {
    rejects.add(group, reason);
    pacing.groupRejected(number);
  }
}

/** What the greedy completion of a task earns; `undefined` when it has no score. */
async function playGreedily(
  { config, parts, signal }: Pick<Run, 'config' | 'parts' | 'signal'>,
  task: Task,
): Promise<number | undefined> {
  const played = await play({ config, parts }, task, { n: 1, temperature: 0, signal });
  const scores = await parts.score(
    played.map((each) => answerOf(each, task)),
    signal,
  );
  return scores[0]?.reward;
}
