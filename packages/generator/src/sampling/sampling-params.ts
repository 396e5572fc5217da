import { isStructuredOutputs, type StructuredOutputs } from '../constraint/structured-outputs.ts';
import { SamplingParamsError } from '../errors.ts';

/** How the continuations of one prompt are drawn and when they end. Names are vLLM's. */
export interface SamplingParams {
  /** Completions of this prompt; the prompt is computed once for all of them. @default 1 */
  readonly n?: number;
  /** Tokens of one completion, at most. @default 16 */
  readonly maxTokens?: number;
  /** Divides the logits; 0 takes the best token, the lower id on a tie. @default 1 */
  readonly temperature?: number;
  /** Draws among the best `topK` tokens and those tied with the last of them; 0: all. @default 0 */
  readonly topK?: number;
  /** Draws among the fewest best tokens whose probability reaches `topP`; 1: all. @default 1 */
  readonly topP?: number;
  /** Draws among tokens at least `minP` times as probable as the best; 0: all. @default 0 */
  readonly minP?: number;
  /** Divides positive and multiplies negative logits of tokens seen in prompt and completion; 1: off. @default 1 */
  readonly repetitionPenalty?: number;
  /** Subtracted from the logit of a token for each time the completion has it; negative values favour repeats. @default 0 */
  readonly frequencyPenalty?: number;
  /** Subtracted from the logit of a token that the completion has at all. @default 0 */
  readonly presencePenalty?: number;
  /** Added to the logits of tokens by their ids, before penalties and temperature. @default {} */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** The text ends before the first of these. @default [] */
  readonly stop?: string | readonly string[];
  /** Tokens that end a completion, beside the model's own end tokens. @default [] */
  readonly stopTokenIds?: readonly number[];
  /**
   * What the completion must be: a regular expression, a JSON schema, one of some texts, calls of tools. Only tokens that
   * can still lead there are drawn; it ends where nothing else may follow, or by `maxTokens`. @default anything
   */
  readonly structuredOutputs?: StructuredOutputs;
  /** With a seed, a completion depends on nothing but prompt, options, weights and its index. @default drawn by the engine */
  readonly seed?: number;
  /**
   * Which log-probability a token carries. `policy`: of log-softmax(logits / temperature) over the whole vocabulary
   * (temperature 1 when greedy), which is what a trainer computes at that temperature. `sampled`: of the distribution
   * the token was drawn from, after bias, penalties and filters (0 when greedy). `raw`: of log-softmax(logits).
   * @default 'policy'
   */
  readonly logProbs?: 'policy' | 'sampled' | 'raw';
  /** The best tokens to report at each place, with their log-probabilities of the same kind, at most 100. @default 0 */
  readonly topLogProbs?: number;
}

/** Sampling options with every default filled in. */
export interface ResolvedSamplingParams extends Required<Omit<SamplingParams, 'seed' | 'stop' | 'structuredOutputs'>> {
  readonly stop: readonly string[];
  readonly seed: number | undefined;
  readonly structuredOutputs: StructuredOutputs | undefined;
}

interface Rule {
  readonly accepts: (value: unknown) => boolean;
  readonly expected: string;
}

const integerFrom = (least: number) => (value: unknown) => Number.isSafeInteger(value) && Number(value) >= least;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isPenalty: Rule = {
  accepts: (value) => isNumber(value) && Math.abs(value) <= 2,
  expected: 'between -2 and 2',
};
const isStop = (value: unknown) => typeof value === 'string' && value !== '';

const rules = {
  n: { accepts: integerFrom(1), expected: 'an integer of at least 1' },
  maxTokens: { accepts: integerFrom(1), expected: 'an integer of at least 1' },
  temperature: { accepts: (value) => isNumber(value) && value >= 0, expected: 'a finite number of at least 0' },
  topK: { accepts: integerFrom(0), expected: 'an integer of at least 0 (0 keeps all tokens)' },
  topP: { accepts: (value) => isNumber(value) && value > 0 && value <= 1, expected: 'above 0 and at most 1' },
  minP: { accepts: (value) => isNumber(value) && value >= 0 && value <= 1, expected: 'between 0 and 1' },
  repetitionPenalty: { accepts: (value) => isNumber(value) && value > 0, expected: 'a finite number above 0' },
  frequencyPenalty: isPenalty,
  presencePenalty: isPenalty,
  logitBias: {
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.entries(value).every(([id, bias]) => integerFrom(0)(Number(id)) && isNumber(bias)),
    expected: 'an object of finite numbers by token id',
  },
  stop: {
    accepts: (value) => isStop(value) || (Array.isArray(value) && value.every(isStop)),
    expected: 'a string that is not empty, or an array of such strings',
  },
  stopTokenIds: {
    accepts: (value) => Array.isArray(value) && value.every(integerFrom(0)),
    expected: 'an array of token ids',
  },
  structuredOutputs: {
    accepts: isStructuredOutputs,
    expected: 'an object with exactly one of regex (and flags), json, jsonObject: true, choice, toolCalls',
  },
  seed: { accepts: (value) => Number.isSafeInteger(value), expected: 'an integer' },
  logProbs: {
    accepts: (value) => value === 'policy' || value === 'sampled' || value === 'raw',
    expected: '"policy", "sampled" or "raw"',
  },
  topLogProbs: {
    accepts: (value) => integerFrom(0)(value) && Number(value) <= 100,
    expected: 'an integer between 0 and 100',
  },
} satisfies Record<keyof SamplingParams, Rule>;

const defaults: ResolvedSamplingParams = {
  n: 1,
  maxTokens: 16,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: {},
  stop: [],
  stopTokenIds: [],
  structuredOutputs: undefined,
  seed: undefined,
  logProbs: 'policy',
  topLogProbs: 0,
};

/**
 * Merges layers of options over the defaults, later layers first; a field that is `undefined` counts as not given.
 *
 * @throws {SamplingParamsError} naming the first field that is unknown or has a value that cannot be obeyed.
 */
export function resolveSamplingParams(...layers: readonly SamplingParams[]): ResolvedSamplingParams {
  const merged: Record<string, unknown> = { ...defaults };
  for (const layer of layers) {
    for (const [field, value] of Object.entries(layer)) {
      if (value === undefined) continue;
      if (!Object.hasOwn(rules, field)) {
        throw new SamplingParamsError(field, value, `one of ${Object.keys(rules).join(', ')}`);
      }
      const rule: Rule = rules[field as keyof SamplingParams]; // an own key of `rules`, checked above
      if (!rule.accepts(value)) throw new SamplingParamsError(field, value, rule.expected);
      merged[field] = field === 'stop' && typeof value === 'string' ? [value] : value;
    }
  }
  return merged as unknown as ResolvedSamplingParams; // every field comes from `defaults` or passed its rule
}

/** Refuses a bias of a token that the model does not have. @throws {SamplingParamsError} */
export function checkLogitBias({ logitBias }: ResolvedSamplingParams, vocabSize: number): void {
  const stranger = Object.keys(logitBias).find((id) => Number(id) >= vocabSize);
  if (stranger !== undefined) {
    throw new SamplingParamsError('logitBias', `of token ${stranger}`, `of tokens within 0 … ${vocabSize - 1}`);
  }
}
