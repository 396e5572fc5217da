import { count } from '@forge/run';
import { z } from 'zod';
import { isRewardName, rewardFunction, rewardOptions } from './reward-functions.ts';
import { partOf } from './reward-part.ts';

/** What a completion is worth. */
export const reward = z
  .strictObject({
    functions: z
      .array(rewardFunction)
      .refine((functions) => functions.length > 0, {
        message:
          'it is empty, and without a reward function no completion is better than another; name one, such as [math]',
        abort: true,
      })
      .default(['math', 'thinking'])
      .describe('their weighted mean is the reward: names, or `{ name, weight, … }` with options'),
    module: z.string().min(1).optional().describe('a module of your own, whose exports `reward.functions` may name'),
    right: z
      .strictObject({
        function: z.string().min(1).default('math').describe('the function that tells which answers are right'),
        atLeast: z.number().default(1).describe('what it must give'),
      })
      .prefault({}),
    truncated: z
      .enum(['zero', 'score'])
      .default('zero')
      .describe('what a completion earns that the token limit ended: nothing, or what it is worth like any other'),
    replicas: count.default(1).describe('processes that score'),
    timeoutMs: count.default(10_000).describe('of one completion; a process that is stuck for longer is killed'),
    memoryMiB: z.int().min(128).default(1024).describe('of a process that scores, beyond which it is killed'),
    shuffle: z
      .boolean()
      .default(false)
      .describe('deals the rewards of a group out at random: a control that must not learn'),
  })
  .prefault({})
  .superRefine(({ functions, module, right }, context) => {
    const parts = functions.map(partOf);
    const refuse = (path: readonly (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    const isKnown = (name: string) => isRewardName(name) || module !== undefined;
    const known = `${Object.keys(rewardOptions).join(', ')}, or an export of reward.module`;
    for (const [i, { name, options }] of parts.entries()) {
      if (!isKnown(name)) refuse(['functions', i], `"${name}" must be one of ${known}`);
      if (parts.findIndex((part) => part.name === name) < i) refuse(['functions', i], `${name} is named twice`);
      if (isRewardName(name)) {
        for (const { path, message } of rewardOptions[name].safeParse(options).error?.issues ?? []) {
          refuse(['functions', i, ...path.map(String)], `of ${name}: ${message}`);
        }
      } else if (Object.keys(options).length > 0) {
        refuse(['functions', i], `${name} is a function of one's own, which has no options`);
      }
    }
    if (parts.every(({ weight }) => weight === 0)) refuse(['functions'], 'one of them needs a weight above 0');
    if (module !== undefined && parts.every(({ name }) => isRewardName(name)) && isRewardName(right.function)) {
      refuse(['module'], 'reward.functions names nothing of it');
    }
    if (!isKnown(right.function)) refuse(['right', 'function'], `"${right.function}" must be one of ${known}`);
  });

export type RewardConfig = z.infer<typeof reward>;
