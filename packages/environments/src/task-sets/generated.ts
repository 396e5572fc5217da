import { Random } from '@forge/tensor';
import { TaskOptionError } from '../errors.ts';
import type { Task } from '../task.ts';
import type { TaskOptions, TaskPlace, TaskSet } from './task-set.ts';

/** The values that an option can have: whole numbers. */
export interface OptionRange {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** A task as it is drawn. */
export interface DrawnTask extends Omit<Task, 'source'> {
  /** What makes it this task and no other: tasks with one key are all of one split. */
  readonly key: string;
}

/** How the tasks of a set are drawn. */
export interface TaskSetDefinition<Option extends string> extends Pick<TaskSet, 'name' | 'description' | 'vocabulary'> {
  readonly options: Readonly<Record<Option, OptionRange>>;
  draw(random: Random, options: TaskOptions<Option>): DrawnTask;
}

/** The share of keys that is held out. */
const HELD_OUT_SHARE = 0.1;
/** Draws for one task: if a tenth of the keys is held out, all of them miss it once in 10^91 times. */
const MAX_DRAWS = 2000;

/**
 * A set of tasks that are drawn by chance. Each key has its own lot for the split, which depends on no seed, so that what is
 * held out from one run is held out from all.
 */
export function generated<Option extends string>(definition: TaskSetDefinition<Option>): TaskSet<Option> {
  const ranges = Object.entries<OptionRange>(definition.options);
  const defaults = Object.fromEntries(ranges.map(([name, range]) => [name, range.default]));
  return open(definition, defaults as TaskOptions<Option>); // of the same keys
}

function open<Option extends string>(
  definition: TaskSetDefinition<Option>,
  options: TaskOptions<Option>,
): TaskSet<Option> {
  const { name, description, vocabulary } = definition;
  const lots = new Random(`held out of ${name}`);
  return {
    name,
    description,
    vocabulary,
    options,
    withOptions: (given) => {
      checkOptions(definition, given);
      return open(definition, { ...options, ...given });
    },
    task: (number, { seed, split }: TaskPlace) => {
      if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`number is ${number}; expected 0, 1, 2, …`);
      const random = new Random(seed).split(`${name}: ${split} ${number}`);
      for (let draw = 0; draw < MAX_DRAWS; draw++) {
        const { key, ...task } = definition.draw(random, options);
        const isHeldOut = lots.split(key).uniform() < HELD_OUT_SHARE;
        if (isHeldOut === (split === 'heldOut')) return { ...task, source: name };
      }
      throw new RangeError(`${name} has no task of the split ${split} with the options ${JSON.stringify(options)}.`);
    },
  };
}

function checkOptions({ name: set, options }: TaskSetDefinition<string>, given: TaskOptions): void {
  for (const [name, value] of Object.entries(given)) {
    const range = Object.hasOwn(options, name) ? options[name] : undefined;
    if (range === undefined) throw new TaskOptionError(set, name, value, Object.keys(options).join(', '));
    const { min, max } = range;
    if (!(Number.isInteger(value) && value >= min && value <= max)) {
      throw new TaskOptionError(set, name, value, `a whole number from ${min} to ${max}`);
    }
  }
}
