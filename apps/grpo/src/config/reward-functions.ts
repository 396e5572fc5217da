import { count, positive } from '@forge/run';
import { z } from 'zod';

const number = z.number().exactOptional();

/** The rewards that a configuration can name, with their options. */
export const rewardOptions = {
  /** 1 when the last `<answer>` holds the target number. */
  math: z.strictObject({
    tolerance: positive.exactOptional(),
    partialCredit: number,
    /** Scores as TorchForge does, to the last case. */
    parity: z.boolean().exactOptional(),
  }),
  /** 1 when the answer means what the target means, as an expression. */
  symbolic: z.strictObject({}),
  /** 1 when the answer is the target, white space and case apart. */
  exact: z.strictObject({
    of: z.enum(['answer', 'completion']).exactOptional(),
    caseSensitive: z.boolean().exactOptional(),
  }),
  /** 1 for a `<think>` block with text in it. */
  thinking: z.strictObject({ partialReward: number, fullReward: number }),
  /** 1 when it thinks in this language. */
  language: z.strictObject({
    /** ISO 639-1. */
    language: z.string().length(2).exactOptional(),
    matchReward: number,
    noMatchReward: number,
    tag: z.string().min(1).exactOptional(),
  }),
  /** 0, falling to -1 over the last `cacheLength` of `maxLength` tokens: those of `generator.maxTokens`, and a fifth of them. */
  overlong: z.strictObject({ maxLength: count.exactOptional(), cacheLength: count.exactOptional() }),
  /** 1 for JSON, of a schema, or of the one in a field of the task. */
  json: z.strictObject({
    schema: z.record(z.string(), z.json()).exactOptional(),
    schemaField: z.string().min(1).exactOptional(),
  }),
  /** 1 for Python that passes its tests: those in the target, or in a field of the task. */
  code: z.strictObject({
    testsField: z.string().min(1).exactOptional(),
    partialCredit: z.boolean().exactOptional(),
    /** Of one test. */
    timeoutMs: count.exactOptional(),
  }),
  /** What the environment gave. */
  environment: z.strictObject({}),
} as const satisfies Readonly<Record<string, z.ZodObject>>;

export type RewardName = keyof typeof rewardOptions;

export type RewardOptions<Name extends RewardName> = z.infer<(typeof rewardOptions)[Name]>;

/** A reward of the table above, rather than one's own. */
export const isRewardName = (name: string): name is RewardName => Object.hasOwn(rewardOptions, name);

/** One of `reward.functions`: a name, or a name with a weight and options. */
export const rewardFunction = z.union([
  z.string().min(1),
  z.looseObject({
    name: z.string().min(1),
    /** In the mean; 0 tells it, and does not count it. */
    weight: z.number().min(0).optional(),
  }),
]);

/** What may be written as one of `reward.functions`. */
export type RewardFunction = z.infer<typeof rewardFunction>;
