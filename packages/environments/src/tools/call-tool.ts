import type { ToolCall } from '../environment.ts';
import { within } from '../within.ts';
import type { Tool } from './tool.ts';

/** How a call ended. */
export interface ToolResult {
  /** What the model is told. */
  readonly content: string;
  readonly hasFailed: boolean;
}

/** Limits of one call. */
export interface CallLimits {
  readonly timeoutMs: number;
  /** Longer results are cut. */
  readonly maxResultLength: number;
}

/**
 * Calls a tool and waits for its answer, within limits. Never rejects: what goes wrong, an unknown name included, is the
 * answer `{"error": …}`. One that does not answer in time is left alone; its signal aborts.
 */
export async function callTool(tools: readonly Tool[], call: ToolCall, limits: CallLimits): Promise<ToolResult> {
  const tool = tools.find(({ name }) => name === call.name);
  if (tool === undefined) {
    return failure(
      `There is no tool ${JSON.stringify(call.name)}; there are: ${tools.map(({ name }) => name).join(', ')}.`,
    );
  }
  const problem = tool.check(call.arguments);
  if (problem !== undefined) return failure(`The arguments do not fit: ${problem}.`);
  const { timeoutMs, maxResultLength } = limits;
  try {
    const content = textOf(
      await within(tool.timeoutMs ?? timeoutMs, (signal) => tool.call(call.arguments, { signal })),
    );
    return { content: cut(content, maxResultLength), hasFailed: false };
  } catch (error) {
    return failure(cut(error instanceof Error ? error.message : String(error), maxResultLength));
  }
}

/** A failure in the form in which models are told of it. Source: TRL's `GRPOTrainer`. */
export const failure = (error: string): ToolResult => ({ content: JSON.stringify({ error }), hasFailed: true });

function textOf(result: unknown): string {
  return typeof result === 'string' ? result : (JSON.stringify(result) ?? 'null');
}

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}… (${text.length} characters)`;
}
