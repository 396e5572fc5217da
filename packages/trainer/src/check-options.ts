import { TrainerOptionError } from './errors.ts';
import { type Correction, correctionModes, corrections } from './losses/correction.ts';
import { klEstimators } from './losses/kl.ts';
import { variants } from './losses/variants.ts';
import type { StepLossOptions, StepOptions } from './step-batch.ts';
import type { TrainerCheckpoints } from './trainer.ts';
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
    entropyBonus: { value: options.entropyBonus, isValid: Number.isFinite, expected: 'a number' },
    maxGradNorm: { value: options.maxGradNorm, isValid: above(0), expected: 'a number above 0' },
    tokensPerRow: { value: options.tokensPerRow, isValid: isWholeAtLeast(1), expected: 'a whole number of at least 1' },
    maxTokensPerMicroBatch: {
      value: options.maxTokensPerMicroBatch,
      isValid: isWholeAtLeast(1),
      expected: 'a whole number of at least 1',
    },
    maxLogits: {
      value: options.maxLogits,
      isValid: isWholeAtLeast(1),
      expected: 'a whole number of at least 1',
    },
  };
  checkRules(rules);
  if (options.batchInvariant && options.threads !== 1) {
    throw new TrainerOptionError('threads', options.threads, '1, as several share out a product by its size');
  }
  for (const [i, { learningRate, weightDecay }] of (options.parameterGroups ?? []).entries()) {
    const group = `parameterGroups[${i}]`;
    checkRules({
      [`${group}.learningRate`]: { value: learningRate, isValid: atLeast(0), expected: 'a number of at least 0' },
      [`${group}.weightDecay`]: { value: weightDecay, isValid: atLeast(0), expected: 'a number of at least 0' },
    });
    if (learningRate !== undefined && optimizer?.learningRate === 0) {
      throw new TrainerOptionError('optimizer.learningRate', 0, `above 0, as that of ${group} is a multiple of it`);
    }
  }
  checkRules({
    'lora.rank': { value: options.lora?.rank, isValid: isWholeAtLeast(1), expected: 'a whole number of at least 1' },
    'lora.alpha': { value: options.lora?.alpha, isValid: above(0), expected: 'a number above 0' },
  });
  checkChoice('schedule.kind', schedule?.kind, ['constant', 'linear', 'cosine']);
}

/** @throws {TrainerOptionError} naming the first option that is outside its range. */
export function checkStepOptions({ loss = {}, temperature }: StepOptions): void {
  const positive = { isValid: above(0), expected: 'a number above 0' };
  const notNegative = { isValid: atLeast(0), expected: 'a number of at least 0' };
  checkChoice('loss.name', loss.name, Object.keys(variants));
  checkChoice('loss.klEstimator', loss.klEstimator, Object.keys(klEstimators));
  checkChoice('loss.oldPolicy', loss.oldPolicy, ['sampler', 'current']);
  checkChoice('loss.klIn', loss.klIn, ['loss', 'reward']);
  checkCorrection(loss.correction);
  checkRules({
    temperature: { value: temperature, ...positive },
    'loss.beta': { value: loss.beta, ...notNegative },
    'loss.epsilonLow': { value: loss.epsilonLow, ...notNegative },
    'loss.epsilonHigh': { value: loss.epsilonHigh, ...notNegative },
    'loss.delta': { value: loss.delta, ...positive },
    'loss.offPolicyMask': { value: loss.offPolicyMask, isValid: Number.isFinite, expected: 'a number' },
    'loss.dualClip': { value: loss.dualClip, isValid: atLeast(1), expected: 'a number of at least 1' },
    'loss.tauPositive': { value: loss.tauPositive, ...positive },
    'loss.tauNegative': { value: loss.tauNegative, ...positive },
    'loss.covariance.share': {
      value: loss.covariance?.share,
      isValid: (value) => value > 0 && value <= 1,
      expected: 'a number above 0 and at most 1',
    },
    'loss.covariance.max': {
      value: loss.covariance?.max,
      isValid: above(loss.covariance?.min ?? 1),
      expected: `a number above loss.covariance.min (${loss.covariance?.min ?? 1})`,
    },
    'loss.covariance.penalty': { value: loss.covariance?.penalty, ...notNegative },
    'loss.maxCompletionLength': {
      value: loss.maxCompletionLength,
      isValid: isWholeAtLeast(1),
      expected: 'a whole number of at least 1',
    },
  });
  if (loss.name === 'dr_grpo' && loss.maxCompletionLength === undefined) {
    throw new TrainerOptionError('loss.maxCompletionLength', undefined, 'given, as dr_grpo divides by it');
  }
}

/** @throws {TrainerOptionError} naming the first option that is outside its range. */
export function checkCheckpointOptions({ everySteps, keep, resume }: TrainerCheckpoints): void {
  const positive = { isValid: isWholeAtLeast(1), expected: 'a whole number of at least 1' };
  checkRules({
    'checkpoints.everySteps': { value: everySteps, ...positive },
    'checkpoints.keep': { value: keep, ...positive },
  });
  checkChoice('checkpoints.resume', resume, ['latest', 'none']);
}

function checkRules(rules: Readonly<Record<string, Rule>>): void {
  for (const [option, { value, isValid, expected }] of Object.entries(rules)) {
    if (value !== undefined && !isValid(value)) throw new TrainerOptionError(option, value, expected);
  }
}

function checkCorrection(correction: StepLossOptions['correction']): void {
  if (correction === undefined) return;
  if (typeof correction === 'string') {
    if (correction === 'off' || Object.hasOwn(corrections, correction)) return;
    const expected = `one of off, ${Object.keys(corrections).join(', ')}, or { mode, min, max }`;
    throw new TrainerOptionError('loss.correction', correction, expected);
  }
  checkChoice('loss.correction.mode', correction.mode, correctionModes);
  checkBounds('min', 'max', correction);
  checkBounds('geometricMin', 'geometricMax', correction);
}

type CorrectionBound = 'min' | 'max' | 'geometricMin' | 'geometricMax';

function checkBounds(from: CorrectionBound, to: CorrectionBound, correction: Correction): void {
  const { [from]: min = 0, [to]: max = Number.POSITIVE_INFINITY } = correction;
  const lowest = `loss.correction.${from}`;
  checkRules({
    [lowest]: { value: min, isValid: atLeast(0), expected: 'a number of at least 0' },
    [`loss.correction.${to}`]: { value: max, isValid: above(min), expected: `a number above ${lowest} (${min})` },
  });
}

/** Options may come from a file, where nothing checked their spelling. */
function checkChoice(option: string, value: string | undefined, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value)) {
    throw new TrainerOptionError(option, value, `one of ${choices.join(', ')}`);
  }
}
