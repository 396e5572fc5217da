import type { Task } from '@forge/environments';
import type { Fields } from '../records/record.ts';
import { isObject, type MappedTask, messagesOf, type TaskFields, taskFrom, valueAt } from './task-fields.ts';

/** A form of record, by which it becomes a task. */
export interface RecordForm {
  /** For a person: what it is known as, or its fields. */
  readonly name: string;
  readonly read: (record: Fields) => MappedTask;
}

interface KnownForm extends RecordForm {
  /** Fields that all its records have. */
  readonly has: readonly string[];
  /** Beside having the fields. @default nothing */
  readonly isLike?: (record: Fields) => boolean;
}

/** Of a task, as this package writes it. */
const TASK_KEYS: readonly string[] = [
  'messages',
  'target',
  'demonstration',
  'fields',
  'environment',
  'source',
] satisfies (keyof Task)[];

const endsInResult = (record: Fields): boolean => /####[^#]*\S/.test(String(valueAt(record, 'answer') ?? ''));
const isBoxed = (record: Fields): boolean => String(valueAt(record, 'solution') ?? '').includes('boxed');

/** The forms that are in use, the more particular first: a record has that of the first which fits. */
const KNOWN_FORMS: readonly KnownForm[] = [
  {
    name: 'task',
    has: ['messages', 'target', 'source'],
    isLike: (record) => Object.keys(record).every((key) => TASK_KEYS.includes(key)),
    read: taskAsWritten,
  },
  known('verl', { prompt: 'prompt', target: 'reward_model.ground_truth' }),
  known('GSM8K', { prompt: 'question', target: 'answer', targetForm: 'hashes' }, endsInResult),
  known('question, answer', { prompt: 'question', target: 'answer' }),
  known('problem, answer, solution', { prompt: 'problem', target: 'answer', reasoning: 'solution' }),
  known('problem, answer', { prompt: 'problem', target: 'answer' }),
  known('MATH', { prompt: 'problem', target: 'solution', targetForm: 'boxed' }, isBoxed),
  ...['target', 'answer', 'ground_truth', 'solution', 'label'].flatMap((target) => [
    known(`prompt, completion, ${target}`, { prompt: 'prompt', completion: 'completion', target }),
    known(`prompt, ${target}`, { prompt: 'prompt', target }),
    known(`messages, ${target}`, { prompt: 'messages', target }),
  ]),
  known('prompt, completion', { prompt: 'prompt', completion: 'completion' }),
  known('messages', { prompt: 'messages' }),
  known('ShareGPT', { prompt: 'conversations' }),
  known('Alpaca', { prompt: 'instruction', context: 'input', completion: 'output' }),
  known('instruction, output', { prompt: 'instruction', completion: 'output' }),
  known('prompt', { prompt: 'prompt' }),
];

/** The form that most records have; of as many, the more particular. `undefined` when none has one that is known. */
export function formOfMost(records: readonly Fields[]): RecordForm | undefined {
  const forms = records.map(formOf);
  const counts = KNOWN_FORMS.map((form) => forms.filter((one) => one === form).length);
  const most = Math.max(...counts);
  return most === 0 ? undefined : KNOWN_FORMS[counts.indexOf(most)];
}

function formOf(record: Fields): RecordForm | undefined {
  const has = (name: string) => valueAt(record, name) !== undefined;
  return KNOWN_FORMS.find((form) => form.has.every(has) && (form.isLike?.(record) ?? true));
}

/** A known form by its name. */
export function formOfName(name: string): RecordForm {
  const form = KNOWN_FORMS.find((one) => one.name === name);
  if (form === undefined) throw new RangeError(`No form of records is called ${name}.`);
  return form;
}

/** The form of records with these fields. */
export function formWith(fields: TaskFields): RecordForm {
  const { prompt, context, target, targetForm, completion, reasoning } = fields;
  const named = Object.entries({ prompt, context, target, targetForm, completion, reasoning });
  const name = named.flatMap(([key, field]) => (field === undefined ? [] : [`${key}: ${field}`])).join(', ');
  return { name, read: (record) => taskFrom(record, fields) };
}

function known(name: string, fields: TaskFields, isLike?: KnownForm['isLike']): KnownForm {
  const { prompt, context, target, completion, reasoning } = fields;
  const has = [prompt, context, target, completion, reasoning].filter((field) => field !== undefined);
  const form = { name, has, read: (record: Fields) => taskFrom(record, fields) };
  return isLike === undefined ? form : { ...form, isLike };
}

function taskAsWritten(record: Fields): MappedTask {
  const { target, demonstration, fields, environment, source } = record;
  const messages = messagesOf(record['messages']);
  if (messages === undefined) return { problem: '"messages" must be a list of messages.' };
  if (typeof target !== 'string') return { problem: '"target" must be a text.' };
  const shown = typeof demonstration === 'string' ? demonstration : messagesOf(demonstration);
  return {
    task: {
      messages,
      target,
      ...(shown !== undefined && { demonstration: shown }),
      ...(isObject(fields) && { fields }),
      ...(typeof environment === 'string' && { environment }),
      ...(typeof source === 'string' && { source }),
    },
  };
}
