import type { Task } from './task.ts';

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

/** An environment did not begin an episode; `cause` is why. */
export class EpisodeError extends Error {
  override readonly name = 'EpisodeError';
  readonly code = 'ERR_ENVIRONMENTS_EPISODE';
  /** The environment that the task names, if it names one. */
  readonly environment: string | undefined;

  constructor({ environment, target }: Task, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `The environment ${environment ?? ''} did not begin the task with the target ${JSON.stringify(target)}: ${reason}`,
      {
        cause,
      },
    );
    this.environment = environment;
  }
}
