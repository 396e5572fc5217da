import { Random } from '@forge/tensor';
import {
  type Completion,
  Engine,
  type EngineOptions,
  Runner,
  type RunnerOptions,
  resolveSamplingParams,
  type SamplingParams,
} from '../src/index.ts';
import { smallModel } from './model.ts';

/** What the benches of the small model are run on. */
export const threads = 2;
export const setting = `0.8M parameters, ${threads} threads`;
const { config, weights } = smallModel();
const random = new Random(0);

export { config, weights };
export const promptOf = (length: number): readonly number[] =>
  Array.from({ length }, () => random.integer(config.vocabSize));
/** Packed weights are the quickest form, and that of the peer; as inputs they are exchanged between two steps. */
export const openRunner = (packedWeights = false, options: RunnerOptions = {}): Promise<Runner> =>
  Runner.open(config, weights, { threads, packedWeights, ...options });
export const openEngine = async (
  limits: Pick<EngineOptions, 'maxSequences'> = {},
  packedWeights = false,
): Promise<Engine> =>
  new Engine({
    // So little that it is in use as a whole after some rounds, as it is after some seconds of work.
    runner: await openRunner(packedWeights, { kvCacheBytes: 2 ** 27 }),
    decode: (ids) => String.fromCharCode(...ids),
    ...limits,
  });

export const generate = (
  engine: Engine,
  ids: readonly number[],
  sampling: SamplingParams,
): Promise<readonly Completion[]> => engine.generate({ text: '', ids }, resolveSamplingParams(sampling));

/** The quickest of several rounds: other work on the machine makes some of them slow. */
export const best = (rates: readonly number[]): number => Math.max(...rates);
