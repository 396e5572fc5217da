import type { Json, Message, Task } from '@forge/environments';
import type { Fields } from '../records/record.ts';
import { type FoundTarget, type TargetForm, targetForms } from './target-forms.ts';

/** Which fields of a record make a task. A dot leads into an object: `reward_model.ground_truth`. */
export interface TaskFields {
  /**
   * What is asked: a text, or a list of messages. Messages that end with the assistant's are a prompt up to its first one, and
   * from there on a demonstration.
   */
  readonly prompt: string;
  /** A text that belongs to the prompt and stands below it; may be empty. @default none */
  readonly context?: string;
  /** The right answer. @default none: nothing is compared */
  readonly target?: string;
  /** Where in that field the answer stands. @default 'whole' */
  readonly targetForm?: TargetForm;
  /** An answer as it should read: a text, or a list of messages. @default none */
  readonly completion?: string;
  /** How the answer is arrived at; it becomes `fields.reasoning`. @default what a target form leaves over */
  readonly reasoning?: string;
}

/** A task, or what the record lacks to be one. */
export type MappedTask = { readonly task: Task } | { readonly problem: string };

/** Makes a task of a record. Fields that are not used go to the `fields` of the task as they are. */
export function taskFrom(record: Fields, names: TaskFields): MappedTask {
  const prompt = valueAt(record, names.prompt);
  const context = names.context === undefined ? '' : (textOf(valueAt(record, names.context)) ?? '');
  const asked = typeof prompt === 'string' ? [asUser(prompt, context)] : messagesOf(prompt);
  if (asked === undefined || asked.every(({ content }) => content.trim() === ''))
    return { problem: `"${names.prompt}" must be a text or a list of messages, ${described(prompt)}.` };

  const { target: targetField, targetForm = 'whole' } = names;
  const written = targetField === undefined ? '' : textOf(valueAt(record, targetField));
  if (targetField !== undefined && (written === undefined || written.trim() === ''))
    return { problem: `"${targetField}" must be a text or a number, ${described(valueAt(record, targetField))}.` };
  const form = targetForms[targetForm];
  const found: FoundTarget | undefined =
    written === undefined || targetField === undefined ? { target: '' } : form.read(written);
  if (found === undefined)
    return { problem: `"${targetField}" must ${form.rule}, found: ${JSON.stringify((written ?? '').slice(-40))}` };

  const told = names.completion === undefined ? undefined : valueAt(record, names.completion);
  const completion = typeof told === 'string' ? told : told === undefined ? undefined : messagesOf(told);
  if (told !== undefined && completion === undefined)
    return { problem: `"${names.completion}" must be a text or a list of messages, ${described(told)}.` };

  const { messages, demonstration = completion } = split(asked, names.completion === undefined);
  const reasoning = names.reasoning === undefined ? found.reasoning : textOf(valueAt(record, names.reasoning));
  const fields = restOf(record, names);
  if (reasoning !== undefined) fields['reasoning'] = reasoning;
  return {
    task: {
      messages,
      target: found.target,
      ...(demonstration !== undefined && { demonstration }),
      ...(Object.keys(fields).length > 0 && { fields }),
    },
  };
}

const asUser = (prompt: string, context: string): Message => ({
  role: 'user',
  content: context === '' ? prompt : `${prompt}\n\n${context}`,
});

/** The value of a field; `undefined` where there is none, or it is null. */
export function valueAt(record: Fields, name: string): Json | undefined {
  if (Object.hasOwn(record, name)) return record[name] ?? undefined;
  let value: Json | undefined = record;
  for (const key of name.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value ?? undefined;
}

export const isObject = (value: Json | undefined): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Other names of the roles, as ShareGPT's files have them. */
const ROLES: Readonly<Record<string, string>> = { human: 'user', gpt: 'assistant' };

/** A list of messages, in the words of OpenAI or ShareGPT; `undefined` when it is none. */
export function messagesOf(value: Json | undefined): readonly Message[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const messages: Message[] = [];
  for (const each of value as readonly Json[]) {
    if (!isObject(each)) return undefined;
    const { role = each['from'], content = each['value'], from: _from, value: _value, ...rest } = each;
    const text = contentOf(content);
    if (typeof role !== 'string' || text === undefined) return undefined;
    // A table has a column for what only some messages have.
    const others = Object.entries(rest).filter(([, other]) => other !== null);
    messages.push({ role: ROLES[role] ?? role, content: text, ...Object.fromEntries(others) });
  }
  return messages;
}

/** A text, or the texts of its parts; nothing is said beside a tool call. */
function contentOf(content: Json | undefined): string | undefined {
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) return '';
  if (!Array.isArray(content)) return undefined;
  const texts = (content as readonly Json[]).map((part) => (isObject(part) ? part['text'] : part));
  return texts.every((text) => typeof text === 'string') ? texts.join('') : undefined;
}

function textOf(value: Json | undefined): string | undefined {
  return value === undefined || typeof value === 'string'
    ? value
    : isPlain(value)
      ? String(value)
      : JSON.stringify(value);
}

const isPlain = (value: Json): boolean => typeof value === 'number' || typeof value === 'boolean';

function split(asked: readonly Message[], mayDemonstrate: boolean): Pick<Task, 'messages' | 'demonstration'> {
  const first = asked.findIndex(({ role }) => role === 'assistant');
  if (!mayDemonstrate || first <= 0 || asked.at(-1)?.role !== 'assistant') return { messages: asked };
  const said = asked.slice(first);
  const [only] = said;
  const isText = said.length === 1 && only !== undefined && Object.keys(only).length === 2;
  return { messages: asked.slice(0, first), demonstration: isText ? only.content : said };
}

/** What the task itself does not say. Of an object only a part may be used: it stays. */
function restOf(record: Fields, { prompt, context, target, completion, reasoning }: TaskFields): Record<string, Json> {
  const used = new Set([prompt, context, target, completion, reasoning]);
  return Object.fromEntries(Object.entries(record).filter(([name, value]) => !used.has(name) && value !== null));
}

function described(value: Json | undefined): string {
  return value === undefined ? 'it is missing' : `found ${JSON.stringify(value).slice(0, 40)}`;
}
