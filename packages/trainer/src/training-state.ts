import type { Weights } from '@forge/models';
import type { Schedule } from './optimizer/schedule.ts';

/** How far a training is. */
export interface TrainingProgress {
  /** Optimiser steps since the model was first opened. */
  readonly steps: number;
  /** Optimiser steps since the moments were last 0. */
  readonly phaseSteps: number;
  readonly schedule: Schedule;
}

/** The numbers that the next step depends on. */
export interface TrainingState {
  readonly weights: Weights;
  /** Mean of gradients and of their squares, by the names of the weights that are trained. */
  readonly moments: readonly [first: Weights, second: Weights];
}

/** What one step of the optimiser did. */
export interface OptimizerStep {
  /** Norm of all gradients together, before they were clipped. */
  readonly gradNorm: number;
  readonly learningRate: number;
}
