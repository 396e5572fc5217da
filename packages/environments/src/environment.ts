import type { Message, Task } from './task.ts';

/** A call of a tool that a model asks for. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What a model said in one turn. */
export interface Reply {
  /** All of it, thoughts and calls included. */
  readonly text: string;
  /** The calls that stand in it, in order. @default none */
  readonly toolCalls?: readonly ToolCall[];
  /** Calls in it that cannot be read. @default 0 */
  readonly numMalformedCalls?: number;
}

/** How an episode begins. */
export interface Opening {
  /** What is said before the model's first turn. */
  readonly messages: readonly Message[];
  /** Descriptions of tools for the chat template, as OpenAI's API has them. @default none */
  readonly tools?: readonly unknown[];
}

/** What a turn led to. */
export interface Step {
  /** What the model is told next; nothing where the episode is over. @default none */
  readonly observation?: readonly Message[];
  /** What the turn earned; those of an episode are added up. @default the environment does not judge this turn */
  readonly reward?: number;
  /** The episode is over: nothing more can happen in it. */
  readonly done: boolean;
  /** The episode was cut off, by a limit of the environment, say. @default false */
  readonly truncated?: boolean;
  /** Numbers for metrics, such as calls of tools; those of an episode are added up. @default none */
  readonly info?: Readonly<Record<string, number>>;
}

/**
 * Where an episode happens: it gives a task, hears what the model says, and tells what comes of it. One object plays one
 * episode.
 */
export interface Environment extends Partial<AsyncDisposable> {
  /** Turns that an episode can have at most: with 1, all answers to a task are sampled in one request. @default no limit */
  readonly maxTurns?: number;
  /** Begins an episode. Equal tasks must begin with equal messages: the answers to one prompt are compared with each other. */
  reset(task: Task): Opening | Promise<Opening>;
  /** Hears the next turn of the model. */
  step(reply: Reply): Step | Promise<Step>;
}

/** Makes an environment for one episode. */
export type OpenEnvironment = () => Environment | Promise<Environment>;
