import { TrainerOptionError } from './errors.ts';
import type { TrainingOptions } from './training-options.ts';

const atLeast = (least: number) => (value: number) => value >= least;
const above = (bound: number) => (value: number) => value > bound;
const isWholeAtLeast = (least: number) => (value: number) => Number.isSafeInteger(value) && value >= least;

interface Rule {
  readonly value: number | undefined;
  readonly isValid: (value: number) => boolean;
  readonly expected: string;
}

/** @throws {TrainerOptionError} naming the first option that is outside its range. */
export function checkTrainingOptions({ optimizer, schedule, ...options }: TrainingOptions): void {
  const isDecay = (value: number): boolean => value >= 0 && value < 1;
  const totalSteps = schedule === undefined || schedule.kind === 'constant' ? undefined : schedule.totalSteps;
  const rules: Readonly<Record<string, Rule>> = {
    'optimizer.learningRate': {
      value: optimizer?.learningRate,
      isValid: atLeast(0),
      expected: 'a number of at least 0',
    },
    'optimizer.betas[0]': { value: optimizer?.betas?.[0], isValid: isDecay, expected: 'at least 0 and below 1' },
    'optimizer.betas[1]': { value: optimizer?.betas?.[1], isValid: isDecay, expected: 'at least 0 and below 1' },
    'optimizer.epsilon': { value: optimizer?.epsilon, isValid: above(0), expected: 'a number above 0' },
    'optimizer.weightDecay': { value: optimizer?.weightDecay, isValid: atLeast(0), expected: 'a number of at least 0' },
    'schedule.warmupSteps': {
      value: schedule?.warmupSteps,
      isValid: isWholeAtLeast(0),
      expected: 'a whole number of at least 0',
    },
    'schedule.totalSteps': { value: totalSteps, isValid: isWholeAtLeast(1), expected: 'a whole number of at least 1' },
    maxGradNorm: { value: options.maxGradNorm, isValid: above(0), expected: 'a number above 0' },
    tokensPerRow: { value: options.tokensPerRow, isValid: isWholeAtLeast(1), expected: 'a whole number of at least 1' },
    maxTokensPerMicroBatch: {
      value: options.maxTokensPerMicroBatch,
      isValid: isWholeAtLeast(1),
      expected: 'a whole number of at least 1',
    },
  };
  for (const [option, { value, isValid, expected }] of Object.entries(rules)) {
    if (value !== undefined && !isValid(value)) throw new TrainerOptionError(option, value, expected);
  }
}
