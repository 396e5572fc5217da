import { loraParameters, type ModelConfig, type Parameter, parameters } from '@forge/models';
import { TrainerOptionError } from './errors.ts';
import type { WeightRange } from './optimizer/adam-w.ts';
import { arenaOffsets } from './parameter-arena.ts';
import type { TrainingOptions } from './training-options.ts';

/** Settings for the weights with certain names. */
export interface ParameterGroup {
  /** Names of weights; a `*` stands for any characters: `*norm.weight`, `model.layers.0.*`. The first group that fits counts. */
  readonly match: string;
  /** Instead of the one of the optimiser; the schedule applies to both. */
  readonly learningRate?: number;
  /** Instead of the one of the optimiser. */
  readonly weightDecay?: number;
  /** Keeps the weights as they are: no gradient, no moments. @default false */
  readonly frozen?: boolean;
}

/** How weights are stepped. */
type WeightSettings = Omit<WeightRange, 'start' | 'end'>;

/** Which weights are trained, and how. */
export interface ParameterPlan {
  /** In the order of the model; adapters come last. */
  readonly all: readonly Parameter[];
  readonly trained: readonly Parameter[];
  readonly frozen: readonly Parameter[];
  /** Of those that are trained. */
  readonly settings: ReadonlyMap<Parameter, WeightSettings>;
  /** Of the trained ones, in an arena of them. */
  readonly ranges: readonly WeightRange[];
}

/** Learning rate of an optimiser that is given none. */
export const DEFAULT_RATE = 1e-3;

/**
 * Sorts the weights of a model by what is to happen to them. With LoRA, those of the model are frozen.
 *
 * @throws {TrainerOptionError} when a group fits no weight, or none is left to train.
 */
export function planParameters(
  config: ModelConfig,
  { lora, optimizer, parameterGroups = [] }: Pick<TrainingOptions, 'lora' | 'optimizer' | 'parameterGroups'>,
): ParameterPlan {
  const own = parameters(config);
  const trainable = lora === undefined ? own : loraParameters(config, lora);
  const patterns = parameterGroups.map((group) => ({ group, pattern: patternOf(group.match) }));
  for (const { group, pattern } of patterns) {
    if (trainable.some(({ name }) => pattern.test(name))) continue;
    throw new TrainerOptionError('parameterGroups.match', group.match, 'a pattern that some trainable weight fits');
  }
  const groupOf = ({ name }: Parameter): ParameterGroup | undefined =>
    patterns.find(({ pattern }) => pattern.test(name))?.group;
  const trained = trainable.filter((parameter) => groupOf(parameter)?.frozen !== true);
  if (trained.length === 0)
    throw new TrainerOptionError('parameterGroups', 'freezing every weight', 'leaving one to train');
  const { offsets, length } = arenaOffsets(trained);
  const { learningRate = DEFAULT_RATE } = optimizer ?? {};
  const settings = new Map(
    trained.map((parameter): [Parameter, WeightSettings] => {
      const { learningRate: ownRate, weightDecay } = groupOf(parameter) ?? {};
      return [
        parameter,
        {
          ...(ownRate !== undefined && { rateFactor: ownRate / learningRate }),
          ...(weightDecay !== undefined && { weightDecay }),
        },
      ];
    }),
  );
  const ranges = trained.map(
    (parameter, i): WeightRange => ({
      start: offsets[i]!, // one a parameter
      end: offsets[i + 1] ?? length,
      ...settings.get(parameter),
    }),
  );
  const isTrained = new Set(trained);
  const all = lora === undefined ? own : [...own, ...trainable];
  return {
    all,
    trained,
    settings,
    frozen: all.filter((parameter) => !isTrained.has(parameter)),
    ranges: joined(ranges),
  };
}

/** Neighbours with equal settings as one range. */
function joined(ranges: readonly WeightRange[]): readonly WeightRange[] {
  const result: WeightRange[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    const isAlike = last?.rateFactor === range.rateFactor && last?.weightDecay === range.weightDecay;
    if (last !== undefined && isAlike) result[result.length - 1] = { ...last, end: range.end };
    else result.push(range);
  }
  return result;
}

const patternOf = (match: string): RegExp =>
  new RegExp(
    `^${match
      .split('*')
      .map((text) => text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );
