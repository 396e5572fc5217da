/** A sampling option has a value that cannot be obeyed; nothing was queued. */
export class SamplingParamsError extends Error {
  override readonly name = 'SamplingParamsError';
  readonly code = 'ERR_GENERATOR_SAMPLING_PARAMS';
  readonly field: string;
  readonly value: unknown;

  constructor(field: string, value: unknown, expected: string) {
    super(`Sampling option "${field}" is ${describe(value)}; it must be ${expected}.`);
    this.field = field;
    this.value = value;
  }
}

/** A prompt cannot be continued by this model; nothing was queued. */
export class PromptError extends Error {
  override readonly name = 'PromptError';
  readonly code = 'ERR_GENERATOR_PROMPT';
  readonly numTokens: number;
  readonly maxModelLength: number;

  constructor(problem: string, numTokens: number, maxModelLength: number) {
    super(problem);
    this.numTokens = numTokens;
    this.maxModelLength = maxModelLength;
  }
}

/** A constraint of the output cannot be obeyed: a pattern or schema is malformed, uses what is not supported, or is too large. */
export class ConstraintError extends Error {
  override readonly name = 'ConstraintError';
  readonly code = 'ERR_GENERATOR_CONSTRAINT';
  readonly problem: string;
  /** The place in the schema, as a JSON pointer; empty for its root and for patterns. */
  readonly path: string;
  /** The keyword of the schema, or the part of the pattern, that is to blame. */
  readonly keyword: string | undefined;

  constructor(problem: string, { path = '', keyword, cause }: ConstraintErrorOptions = {}) {
    const place = path === '' ? '' : ` at ${path}`;
    super(`The output cannot be constrained${place}: ${problem}`, { cause });
    this.problem = problem;
    this.path = path;
    this.keyword = keyword;
  }
}

interface ConstraintErrorOptions {
  readonly path?: string;
  readonly keyword?: string;
  readonly cause?: unknown;
}

/** The model gave logits that are no distribution (a NaN, or an infinity): its weights are broken. */
export class LogitsError extends Error {
  override readonly name = 'LogitsError';
  readonly code = 'ERR_GENERATOR_LOGITS';

  constructor() {
    super('The logits hold NaN or +infinity, so no token can be drawn. Check the weights of this version for NaN.');
  }
}

/** The run that a request was part of failed; `cause` is the session's error. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly code = 'ERR_GENERATOR_STEP';
  readonly phase: 'prefill' | 'decode';

  constructor(phase: 'prefill' | 'decode', cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The ${phase} run failed: ${reason} Send the request again, or restart the generator if it keeps failing.`, {
      cause,
    });
    this.phase = phase;
  }
}

/** The engine stopped before the request was finished. */
export class EngineStoppedError extends Error {
  override readonly name = 'EngineStoppedError';
  readonly code = 'ERR_GENERATOR_STOPPED';

  constructor() {
    super('The generator has stopped and takes no more work. Send the request to another one.');
  }
}

/** The weights of a version do not fit the model; the generator keeps the weights it has. `cause` names the tensor. */
export class WeightsMismatchError extends Error {
  override readonly name = 'WeightsMismatchError';
  readonly code = 'ERR_GENERATOR_WEIGHTS_MISMATCH';
  readonly version: number;

  constructor(version: number, problem: string, cause?: unknown) {
    super(
      `The weights of version ${version} do not fit the model: ${problem} Push weights of the model's own config.`,
      {
        cause,
      },
    );
    this.version = version;
  }
}

/** Weights were asked for, but this generator was constructed without a store. */
export class NoStoreError extends Error {
  override readonly name = 'NoStoreError';
  readonly code = 'ERR_GENERATOR_NO_STORE';
  readonly version: number;

  constructor(version: number) {
    super(
      `Version ${version} cannot be fetched: give the generator \`store: store.reference\` when it is constructed.`,
    );
    this.version = version;
  }
}

/** A conversation cannot go on like this; it is as it was before. */
export class ConversationError extends Error {
  override readonly name = 'ConversationError';
  readonly code = 'ERR_GENERATOR_CONVERSATION';
}

/** What is said leaves no room for an answer; the conversation is as it was before. */
export class ConversationFullError extends Error {
  override readonly name = 'ConversationFullError';
  readonly code = 'ERR_GENERATOR_CONVERSATION_FULL';
  /** Tokens before the answer. */
  readonly numTokens: number;
  readonly maxLength: number;

  constructor(numTokens: number, maxLength: number) {
    super(
      `With what is said, the conversation has ${numTokens} tokens of at most ${maxLength}: none is left for an answer. ` +
        'Say less, or end it here.',
    );
    this.numTokens = numTokens;
    this.maxLength = maxLength;
  }
}

/** The command line asks for something that cannot be. */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError';
  readonly code = 'ERR_GENERATOR_COMMAND_LINE';
  readonly option: string;

  constructor(option: string, problem: string) {
    super(problem);
    this.option = option;
  }
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
