/** An option of a set of generated tasks that it does not have, or that is outside its range. */
export class TaskOptionError extends Error {
  override readonly name = 'TaskOptionError';
  readonly code = 'ERR_ENVIRONMENTS_TASK_OPTION';
  readonly set: string;
  readonly option: string;
  readonly value: unknown;
  /** What the option may be, or which options there are. */
  readonly allowed: string;

  constructor(set: string, option: string, value: unknown, allowed: string) {
    super(`${option} of the tasks ${set} is ${JSON.stringify(value)}. Allowed: ${allowed || 'no option at all'}.`);
    this.set = set;
    this.option = option;
    this.value = value;
    this.allowed = allowed;
  }
}

/** A tool that cannot be made as it is defined. */
export class ToolDefinitionError extends Error {
  override readonly name = 'ToolDefinitionError';
  readonly code = 'ERR_ENVIRONMENTS_TOOL';
  readonly tool: string;

  constructor(tool: string, problem: string, options?: ErrorOptions) {
    super(`The tool ${JSON.stringify(tool)} cannot be used: ${problem}.`, options);
    this.tool = tool;
  }
}
