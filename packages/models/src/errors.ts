/** Values as a reader of an error wants to see them: JSON where it can be written, in at most 120 characters. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 120 ? `${text.slice(0, 117)}...` : text;
  } catch {
    return 'a value nested too deeply to be shown'; // JSON.parse reads deeper than JSON.stringify writes
  }
}

/** A key of a model's `config.json` is missing, malformed, or asks for something that is not supported. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_MODELS_CONFIG';
  readonly file: string;
  readonly key: string;
  readonly value: unknown;
  readonly expected: string;

  constructor(failure: { file: string; key: string; value: unknown; expected: string }) {
    super(`${failure.file}: ${failure.key} is ${show(failure.value)}, expected ${failure.expected}.`);
    this.file = failure.file;
    this.key = failure.key;
    this.value = failure.value;
    this.expected = failure.expected;
  }
}

/** A file of a model folder is missing, unreadable or not of its format; `cause` is the failure underneath. */
export class ModelFileError extends Error {
  override readonly name = 'ModelFileError';
  readonly code = 'ERR_MODELS_FILE';
  readonly file: string;
  readonly expected: string;
  readonly got: string;

  constructor(failure: { file: string; expected: string; got: string; cause?: unknown }) {
    super(`${failure.file}: expected ${failure.expected}, got ${failure.got}.`, { cause: failure.cause });
    this.file = failure.file;
    this.expected = failure.expected;
    this.got = failure.got;
  }
}

/** A safetensors file breaks its format; `tensor` names the entry at fault, when it is one. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly code = 'ERR_MODELS_SAFETENSORS';
  readonly file: string;
  readonly tensor: string | undefined;
  readonly expected: string;
  readonly got: string;

  constructor(failure: { file: string; tensor?: string; expected: string; got: string; cause?: unknown }) {
    const where = failure.tensor === undefined ? failure.file : `${failure.file}: tensor ${failure.tensor}`;
    super(`${where}: expected ${failure.expected}, got ${failure.got}.`, { cause: failure.cause });
    this.file = failure.file;
    this.tensor = failure.tensor;
    this.expected = failure.expected;
    this.got = failure.got;
  }
}

/** A tensor that the model's config calls for is missing, is not called for, or has another shape or dtype. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly code = 'ERR_MODELS_WEIGHTS';
  /** The file or folder the weights came from; `undefined` for weights in memory. */
  readonly file: string | undefined;
  readonly tensor: string;
  readonly expected: string;
  readonly got: string;

  constructor(failure: { file?: string | undefined; tensor: string; expected: string; got: string }) {
    const where = failure.file === undefined ? '' : `${failure.file}: `;
    super(`${where}tensor ${failure.tensor}: expected ${failure.expected}, got ${failure.got}.`);
    this.file = failure.file;
    this.tensor = failure.tensor;
    this.expected = failure.expected;
    this.got = failure.got;
  }
}

/** A chat template does not parse, is absent, or refused the messages it was given. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
  readonly code = 'ERR_MODELS_CHAT_TEMPLATE';
  readonly file: string;

  constructor(failure: { file: string; what: string; cause?: unknown }) {
    super(`${failure.file}: ${failure.what}`, { cause: failure.cause });
    this.file = failure.file;
  }
}
