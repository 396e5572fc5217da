import { DatasetError } from './errors.ts';
import { type JsonLine, readJsonl } from './jsonl.ts';

/** A question with its worked answer and the final result. */
export interface Problem {
  readonly question: string;
  /** The text before the result: how the data set arrives at it. May be empty. */
  readonly reasoning: string;
  /** The result, as the data set writes it. */
  readonly target: string;
}

const SEPARATOR = '####';

/**
 * Reads a file of GSM8K records: `{"question": "…", "answer": "reasoning #### result"}` a line.
 *
 * @throws {DatasetError} naming file and line when a record has another form, or when there is no record at all.
 * Source: https://github.com/openai/grade-school-math
 */
export async function readGsm8k(path: string): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for await (const line of readJsonl(path)) problems.push(parseGsm8k(line));
  if (problems.length === 0) throw new DatasetError(path, 'the file has no records.');
  return problems;
}

/** One GSM8K record. @throws {DatasetError} naming file, line and field when it has another form. */
export function parseGsm8k({ path, line, value }: JsonLine): Problem {
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
  return { question, reasoning: answer.slice(0, at).trim(), target };
}

function text(record: unknown, field: string, path: string, line: number): string {
  const value = record instanceof Object ? (record as Record<string, unknown>)[field] : undefined;
  if (typeof value === 'string' && value.trim() !== '') return value;
  const found = value === undefined ? 'it is missing' : `found ${JSON.stringify(value)?.slice(0, 40)}`;
  throw new DatasetError(path, `"${field}" must be a text, ${found}.`, { line });
}
