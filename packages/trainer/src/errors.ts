/** The arguments of a loss do not fit together: ragged lengths differ, or log-probabilities that an option needs are missing. */
export class LossInputError extends Error {
  override readonly name = 'LossInputError';
  readonly code = 'ERR_TRAINER_LOSS_INPUT';
  /** The argument that is wrong. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`The loss cannot use ${field}: ${problem}`);
    this.field = field;
  }
}

/** A batch cannot be trained or scored: nothing to score, an id outside the vocabulary, a prompt without tokens. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  readonly code = 'ERR_TRAINER_BATCH';
  /** Index of the sequence at fault; `undefined` when it is the batch as a whole. */
  readonly sequence: number | undefined;

  constructor(problem: string, sequence?: number) {
    super(sequence === undefined ? `The batch ${problem}` : `Sequence ${sequence} ${problem}`);
    this.sequence = sequence;
  }
}

/** An option of the trainer is outside its range. */
export class TrainerOptionError extends Error {
  override readonly name = 'TrainerOptionError';
  readonly code = 'ERR_TRAINER_OPTION';
  readonly option: string;
  readonly value: unknown;

  constructor(option: string, value: unknown, expected: string) {
    super(`Option ${option} is ${String(value)}; it must be ${expected}.`);
    this.option = option;
    this.value = value;
  }
}

/** The loss of a step is not a number. The weights are those of before the step. */
export class NonFiniteLossError extends Error {
  override readonly name = 'NonFiniteLossError';
  readonly code = 'ERR_TRAINER_NON_FINITE_LOSS';
  readonly loss: number;
  readonly step: number;
  /** Sequences in the batch. */
  readonly sequences: number;
  /** The first tensor at fault and where; `undefined` when all that went into the loss is finite and the loss overflows. */
  readonly from: string | undefined;

  constructor({ loss, step, sequences, from }: Pick<NonFiniteLossError, 'loss' | 'step' | 'sequences' | 'from'>) {
    const reason = from ?? 'its parts are finite, so their sum or ratio overflows';
    super(`The loss of step ${step}, over ${sequences} sequences, is ${loss}: ${reason}. No weight was changed.`);
    this.loss = loss;
    this.step = step;
    this.sequences = sequences;
    this.from = from;
  }
}

/** The gradient of a step is not a number. The weights are those of before the step and the gradients are dropped. */
export class NonFiniteGradientError extends Error {
  override readonly name = 'NonFiniteGradientError';
  readonly code = 'ERR_TRAINER_NON_FINITE_GRADIENT';
  readonly gradNorm: number;
  readonly step: number;
  /** Parameters with a gradient that is not finite. */
  readonly parameters: readonly string[];

  constructor({ gradNorm, step, parameters }: Pick<NonFiniteGradientError, 'gradNorm' | 'step' | 'parameters'>) {
    const where =
      parameters.length === 0 ? 'the squares overflow' : `not finite in ${parameters.slice(0, 3).join(', ')}`;
    super(
      `The gradient norm of step ${step} is ${gradNorm} (${where}); no weight was changed. Lower the learning rate.`,
    );
    this.gradNorm = gradNorm;
    this.step = step;
    this.parameters = parameters;
  }
}

/** An endpoint needs something the actor was not given, such as a store to push weights to. */
export class NotConfiguredError extends Error {
  override readonly name = 'NotConfiguredError';
  readonly code = 'ERR_TRAINER_NOT_CONFIGURED';
  readonly option: string;

  constructor(option: string, needs: string) {
    super(`${needs} needs the option ${option}; give it to the constructor.`);
    this.option = option;
  }
}

/** A checkpoint is missing, incomplete or of another model. The training goes on as it was. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly code = 'ERR_TRAINER_CHECKPOINT';
  readonly folder: string;

  constructor(folder: string, problem: string, options?: ErrorOptions) {
    super(`The checkpoint ${folder} cannot be used: ${problem}`, options);
    this.folder = folder;
  }
}

/**
 * A rank of several that train together has ended or cannot go on; the others wait no longer. What they hold may be of
 * different steps: train on from a checkpoint.
 */
export class RankFailedError extends Error {
  override readonly name = 'RankFailedError';
  readonly code = 'ERR_TRAINER_RANK';
  readonly rank: number;
  readonly numRanks: number;

  constructor(rank: number, numRanks: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `Rank ${rank} of ${numRanks} failed: ${reason} Open a trainer on the ranks that are left; load a checkpoint.`,
      {
        cause,
      },
    );
    this.rank = rank;
    this.numRanks = numRanks;
  }
}

/** A checkpoint could not be written. The one that it was to replace, and those before it, are as they were; nothing else is left. */
export class CheckpointSaveError extends Error {
  override readonly name = 'CheckpointSaveError';
  readonly code = 'ERR_TRAINER_CHECKPOINT_SAVE';
  readonly folder: string;
  /** The system's code of the failure, such as `ENOSPC` for a full disk, if it has one. */
  readonly reason: string | undefined;

  constructor(folder: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException; // whatever was thrown: both may be missing
    const what =
      code === 'ENOSPC' ? 'the disk is full. Free some space, or keep fewer checkpoints.' : (message ?? cause);
    super(`The checkpoint ${folder} could not be written: ${what}`, { cause });
    this.folder = folder;
    this.reason = code;
  }
}
