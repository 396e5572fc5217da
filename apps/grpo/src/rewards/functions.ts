import { type Schema, Validator } from '@cfworker/json-schema';
import {
  type AnyReward,
  exactMatchReward,
  jsonReward,
  mathReward,
  overlongReward,
  symbolicReward,
  thinkingReward,
} from '@forge/rewards';
import type { Answer } from '@forge/run';
import type { RewardName, RewardOptions } from '../config/reward-functions.ts';

/** A reward that may look at all that is known of an answer. */
export type AnswerReward = AnyReward<Answer>;

/** What functions need beside their options. */
export interface FunctionContext {
  /** Of one completion. */
  readonly maxTokens: number;
  /** Has something stopped when the rewards are not needed any more. */
  readonly onEnd: (stop: () => Promise<void>) => void;
}

type Build<Name extends RewardName> = (
  options: RewardOptions<Name>,
  context: FunctionContext,
) => AnswerReward | Promise<AnswerReward>;

/** How the rewards are made that a configuration can name. */
export const rewardFunctions: { readonly [Name in RewardName]: Build<Name> } = {
  math: mathReward,
  symbolic: symbolicReward,
  exact: exactMatchReward,
  thinking: thinkingReward,
  // Loaded where it is used, as the sandbox below: the detector knows sixty languages.
  language: async (options) => (await import('@forge/rewards/language')).languageReward(options),
  overlong: ({ maxLength, cacheLength }, { maxTokens }) => {
    const length = maxLength ?? maxTokens;
    return overlongReward({ maxLength: length, cacheLength: cacheLength ?? Math.ceil(length / 5) });
  },
  json: ({ schema, schemaField }) => {
    const fixed = schema && new Validator(schema);
    return jsonReward({
      fits: (value, { fields }) => {
        const own = schemaField === undefined ? undefined : fields?.[schemaField];
        const validator = own === undefined ? fixed : new Validator(own as Schema);
        return validator?.validate(value).valid ?? true;
      },
    });
  },
  code: async ({ testsField, timeoutMs = 5_000, ...options }, { onEnd }) => {
    const { codeReward, PythonSandbox } = await import('@forge/sandbox');
    const sandbox = await PythonSandbox.open({ processes: 1, timeoutMs });
    onEnd(async () => await sandbox[Symbol.asyncDispose]());
    const reward = codeReward((code, limits) => sandbox.execute(code, limits), options);
    return ({ completion, target, fields }) => {
      const tests = testsField === undefined ? target : fields?.[testsField];
      if (tests === undefined) return undefined;
      return reward({ completion, target: typeof tests === 'string' ? tests : JSON.stringify(tests) });
    };
  },
  environment:
    () =>
    ({ environmentReward }) =>
      environmentReward,
};
