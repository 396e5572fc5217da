import { taskSets } from '@forge/environments';
import { z } from 'zod';
import { count, positive, share } from './numbers.ts';

const text = z.string().min(1);
const sets = Object.keys(taskSets).join(', ');

/** Which fields of a record make a task. */
const fields = z.strictObject({
  prompt: text.describe('the field that asks: a text, or a list of messages; dots lead into objects'),
  context: text.optional().describe('a text below it'),
  target: text.optional().describe('the field with the right answer'),
  targetForm: z
    .enum(['whole', 'hashes', 'boxed'])
    .optional()
    .describe('where the answer stands in it: all of it, behind the last `####`, in the last `\\boxed{}`'),
  completion: text.optional().describe('an answer as it should read, for supervised steps'),
  reasoning: text.optional().describe('how the answer is arrived at, for supervised steps'),
});

/** Which records or tasks are meant. */
const part = {
  path: text
    .optional()
    .describe(
      'a file of JSON (lines or a list), CSV or Parquet, a folder of such, or a data set on the Hugging Face hub; word problems are made when left out, by `dataset.embedded`',
    ),
  task: text.optional().describe(`instead, a set of generated tasks: ${sets}`),
  taskOptions: z.record(z.string(), z.int()).optional().describe('how hard they are, such as `{ digits: 3 }`'),
  config: text.optional().describe('of a data set that has several, such as `main`'),
  split: text.optional().describe('of a data set that has several; `train`, where there is one, when left out'),
  revision: text.optional().describe('of a data set on the hub: a branch, a tag or a commit; `main` when left out'),
  fields: fields
    .optional()
    .describe('which fields of a record are what; found by the names of the fields when left out'),
};

/** One of several. */
const source = z.strictObject({
  ...part,
  name: text.optional().describe('for metrics; the path when left out'),
  weight: positive.default(1).describe('its share of the samples'),
});

/** The tasks that it learns from. */
export const datasetSettings = z
  .strictObject({
    ...part,
    sources: z
      .array(source)
      .min(1)
      .optional()
      .describe('instead, several, each with `path` or `task`, `weight` and the keys above'),
    shuffle: z.boolean().default(true).describe('every epoch in an order of its own'),
    streaming: z
      .boolean()
      .default(false)
      .describe('leaves records in their files, which may then be larger than the memory'),
    shuffleBuffer: count.default(10_000).describe('records that are shuffled with one another when they are streamed'),
    onBroken: z
      .enum(['stop', 'skip'])
      .default('stop')
      .describe('what a record does that cannot be used: ends the run before it begins, or is left out and counted'),
    maxBroken: share.default(0.1).describe('share of broken records that may be left out'),
    heldOut: count.default(256).describe('tasks kept for evaluation, of each source by its weight, at most half of it'),
    heldOutBy: z
      .enum(['end', 'hash'])
      .default('end')
      .describe('the last of each source, or a share by a hash of what is asked, which stays when the data grows'),
    heldOutShare: share.default(0.05).describe('of each source, with `hash`'),
    heldOutPath: text.optional().describe('instead, a file, folder or data set of its own for them'),
    heldOutSplit: text.optional().describe('instead, a split of the same data set, or of `dataset.heldOutPath`'),
    embedded: z
      .strictObject({
        problems: count.default(20_000).describe('word problems to train on'),
        digits: z.int().min(1).max(6).default(2).describe('of the numbers in a question'),
      })
      .prefault({}),
  })
  .prefault({})
  .superRefine((settings, context) => {
    const refuse = (path: readonly (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    const { sources, streaming, heldOutBy, heldOutPath, heldOutSplit } = settings;
    checkPart(settings, (key, message) => refuse([key], message));
    for (const [i, each] of (sources ?? []).entries()) {
      checkPart(each, (key, message) => refuse(['sources', i, key], message));
      if (each.path === undefined && each.task === undefined) refuse(['sources', i], 'a source needs path or task');
    }
    if (sources !== undefined) {
      for (const key of ['path', 'task', 'taskOptions', 'config', 'split', 'revision', 'fields'] as const) {
        if (settings[key] !== undefined) refuse([key], 'dataset.sources has it for each; leave out one of the two');
      }
    }
    const all = sources ?? [settings];
    const hasFiles = all.some(({ path }) => path !== undefined);
    for (const key of ['streaming', 'heldOutPath', 'heldOutSplit'] as const) {
      const isGiven = settings[key] !== undefined && settings[key] !== false;
      if (isGiven && !hasFiles) refuse([key], 'it needs records, and no dataset.path names any');
    }
    if (streaming && hasFiles && heldOutBy === 'end' && heldOutPath === undefined && heldOutSplit === undefined) {
      const ways = 'dataset.heldOutBy: hash, dataset.heldOutSplit or dataset.heldOutPath';
      refuse(['streaming'], `the last records cannot be held out of a stream; say ${ways}`);
    }
  });

export type DatasetSettings = z.infer<typeof datasetSettings>;

type Part = { readonly [Key in keyof typeof part]?: unknown };

function checkPart(settings: Part, refuse: (key: keyof Part, message: string) => void): void {
  const { path, task, taskOptions } = settings;
  if (path !== undefined && task !== undefined) refuse('task', `path is ${path}; leave out one of the two`);
  if (typeof task === 'string' && !Object.hasOwn(taskSets, task)) refuse('task', `"${task}" must be one of ${sets}`);
  if (taskOptions !== undefined && task === undefined) refuse('taskOptions', 'it needs task');
  if (typeof task === 'string' && taskOptions !== undefined && Object.hasOwn(taskSets, task)) {
    try {
      taskSets[task]!.withOptions(taskOptions as Readonly<Record<string, number>>); // checked by the schema
    } catch (error) {
      refuse('taskOptions', (error as Error).message);
    }
  }
  for (const key of ['config', 'split', 'revision', 'fields'] as const) {
    if (settings[key] !== undefined && path === undefined) refuse(key, 'it needs path');
  }
}
