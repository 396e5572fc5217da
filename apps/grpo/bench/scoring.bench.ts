// What it costs that rewards run in processes of their own: groups of 8 completions of some hundred characters, math and
// thinking, one after the other and 32 at a time, beside the same functions called in this process. One JSON line a figure.
// Run: node bench/scoring.bench.ts
import { loadavg } from 'node:os';
import type { Answer, Score } from '@forge/run';
import { reward } from '../dist/config/reward.js';
import { RewardActor } from '../dist/rewards/reward-actor.js';
import { answerScorer, scoringFunctions } from '../dist/rewards/score-answer.js';
import { scorer } from '../dist/rewards/scorer.js';

const GROUP = 8;
const GROUPS = 2_000;
const ROUNDS = 5;

const config = reward.parse({});
const group: readonly Answer[] = Array.from({ length: GROUP }, (_, i) => ({
  prompt: 'Tom has 12 apples and buys 30 more, then gives half of them away. How many does he have?',
  completion: `<think>${'12 + 30 = 42, and half of 42 is 21. '.repeat(5)}</think><answer>${20 + (i % 3)}</answer>`,
  target: '21',
  isTruncated: false,
}));

await using service = await RewardActor.options({
  meshName: 'rewards',
  replicaMaxConcurrentRequests: 1,
  maxQueuedRequests: GROUPS,
}).asService(config, 256);
const apart = scorer((answers) => service.evaluate.route(answers), scoringFunctions(config));
const score = await answerScorer(config, { maxTokens: 256, onEnd: () => {} });
const here = async (answers: readonly Answer[]) => await Promise.all(answers.map((answer) => score(answer)));

/** Milliseconds a group. */
async function measure(
  run: (answers: readonly Answer[]) => Promise<readonly Score[]>,
  atOnce: number,
): Promise<number> {
  const startedMs = performance.now();
  for (let done = 0; done < GROUPS; done += atOnce) await Promise.all(Array.from({ length: atOnce }, () => run(group)));
  return (performance.now() - startedMs) / GROUPS;
}

const RUNS = { apart, here };
const times = new Map<string, number>();
const keep = (name: string, ms: number) => times.set(name, Math.min(ms, times.get(name) ?? Number.POSITIVE_INFINITY));
for (let round = 0; round < ROUNDS; round++) {
  for (const atOnce of [1, 32]) {
    for (const [name, run] of Object.entries(RUNS)) keep(`${name} ${atOnce}`, await measure(run, atOnce));
  }
}
for (const atOnce of [1, 32]) {
  const [value, control] = [times.get(`apart ${atOnce}`)!, times.get(`here ${atOnce}`)!]; // both were measured
  const figure = {
    bench: `scoring, groups of ${GROUP}, ${atOnce} at a time`,
    value,
    unit: 'ms a group',
    control: { name: 'the same functions in this process', value: control },
    ratio: value / control,
    load: loadavg()[0],
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}
