import type { Task } from '../task.ts';

/** Numbers that say how hard tasks are, by name. */
export type TaskOptions<Name extends string = string> = Readonly<Record<Name, number>>;

/** Which part of a set a task is of. */
export type Split = 'train' | 'heldOut';

/** Which tasks are meant. */
export interface TaskPlace {
  readonly seed: number;
  readonly split: Split;
}

/** Tasks without end, made when they are asked for. */
export interface TaskSet<Option extends string = string> {
  readonly name: string;
  /** What it asks for, in a few words. */
  readonly description: string;
  /** Words that its tasks and demonstrations are made of: a tokenizer for them alone makes each one token. */
  readonly vocabulary: readonly string[];
  /** How hard its tasks are. */
  readonly options: TaskOptions<Option>;
  /** The set with other options. @throws {TaskOptionError} when one is unknown or outside its range */
  withOptions(options: TaskOptions): TaskSet<Option>;
  /**
   * A task by its number: 0, 1, 2, … without end. Equal arguments give equal tasks, and no task of one split is one of the
   * other's, whatever the seeds.
   */
  task(number: number, place: TaskPlace): Task;
}
