import type { Task } from '@forge/environments';
import { DatasetError } from './errors.ts';
import { type JsonLine, readJsonl } from './jsonl.ts';

const SEPARATOR = '####';

/**
 * Reads a file of GSM8K records, `{"question": "…", "answer": "reasoning #### result"}` a line. The question is the one
 * message of a task, what stands before the separator its `fields.reasoning`.
 *
 * @throws {DatasetError} naming file and line when a record has another form, or when there is no record at all.
 * Source: https://github.com/openai/grade-school-math
 */
export async function readGsm8k(path: string): Promise<readonly Task[]> {
  const tasks: Task[] = [];
  for await (const line of readJsonl(path)) tasks.push(parseGsm8k(line));
  if (tasks.length === 0) throw new DatasetError(path, 'the file has no records.');
  return tasks;
}

/** One GSM8K record. @throws {DatasetError} naming file, line and field when it has another form. */
export function parseGsm8k({ path, line, value }: JsonLine): Task {
  const question = text(value, 'question', path, line);
  const answer = text(value, 'answer', path, line);
  const at = answer.lastIndexOf(SEPARATOR);
  const target = at < 0 ? '' : answer.slice(at + SEPARATOR.length).trim();
  if (target === '') {
    throw new DatasetError(
      path,
      `"answer" must end in "${SEPARATOR} <result>", found: ${JSON.stringify(answer.slice(-40))}`,
      {
        line,
      },
    );
  }
  const reasoning = answer.slice(0, at).trim();
  return { messages: [{ role: 'user', content: question }], target, fields: { reasoning } };
}

function text(record: unknown, field: string, path: string, line: number): string {
  const value = record instanceof Object ? (record as Record<string, unknown>)[field] : undefined;
  if (typeof value === 'string' && value.trim() !== '') return value;
  const found = value === undefined ? 'it is missing' : `found ${JSON.stringify(value)?.slice(0, 40)}`;
  throw new DatasetError(path, `"${field}" must be a text, ${found}.`, { line });
}
