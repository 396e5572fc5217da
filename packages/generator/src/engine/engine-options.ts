import type { Constraints } from '../constraint/constraints.ts';
import type { Runner } from '../runner/runner.ts';
import type { Decode } from '../text/detokenize.ts';

/** What an engine runs and within which limits. */
export interface EngineOptions {
  /** Owned by the engine from now on. */
  readonly runner: Runner;
  readonly decode: Decode;
  /** Makes constraints of what requests ask for as `structuredOutputs`. @default such requests are refused */
  readonly constraints?: Constraints | undefined;
  /** Tokens that end any completion. @default [] */
  readonly endTokenIds?: readonly number[];
  /** Sequences that run at the same time. @default 32 */
  readonly maxSequences?: number;
  /** Prompt tokens of one step, padding included; a longer prompt is computed over several steps. @default 4096 */
  readonly maxPrefillTokens?: number;
  /** Tokens of prompt and completion together. @default the model's `maxPositionEmbeddings`, or what a third of the runner's `kvCacheBytes` holds if that is less */
  readonly maxModelLength?: number;
  /** Seeds requests that bring no seed. @default 0 */
  readonly seed?: number | string;
}

/** Options with every default filled in. */
export interface ResolvedEngineOptions extends Required<Omit<EngineOptions, 'constraints'>> {
  readonly constraints: Constraints | undefined;
}

/** Fills in the defaults. @throws {RangeError} when a limit is no whole number of at least 1. */
export function resolveEngineOptions({
  runner,
  decode,
  constraints,
  endTokenIds = [],
  maxSequences = 32,
  maxPrefillTokens = 4096,
  maxModelLength = runner.config.maxPositionEmbeddings,
  seed = 0,
}: EngineOptions): ResolvedEngineOptions {
  for (const [name, limit] of Object.entries({ maxSequences, maxPrefillTokens, maxModelLength })) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new RangeError(`${name} is ${limit}. It must be a whole number of at least 1.`);
    }
  }
  const { maxSequenceTokens } = runner;
  if (maxSequenceTokens === 0) {
    throw new RangeError("kvCacheBytes is too small for a sequence of 64 tokens. Raise the runner's kvCacheBytes.");
  }
  const length = Math.min(maxModelLength, maxSequenceTokens);
  return { runner, decode, constraints, endTokenIds, maxSequences, maxPrefillTokens, maxModelLength: length, seed };
}
