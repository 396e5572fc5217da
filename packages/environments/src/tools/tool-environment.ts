import type { Environment, Reply, Step } from '../environment.ts';
import type { Message, Task } from '../task.ts';
import { callTool, failure, type ToolResult } from './call-tool.ts';
import type { Tool } from './tool.ts';

/** What an episode with tools comes to. */
export interface ToolEpisode {
  readonly task: Task;
  /** What the model said last. */
  readonly answer: Reply;
  /** Calls that had a result, by the name of the tool. */
  readonly called: readonly string[];
}

/** How tools may be used. */
export interface ToolEnvironmentOptions {
  /** Calls in one episode; those beyond fail. @default 16 */
  readonly maxToolCalls?: number;
  /** Of one call. @default 10_000 */
  readonly timeoutMs?: number;
  /** Characters of one result; the rest is cut off. @default 4096 */
  readonly maxResultLength?: number;
  /** What an episode earns in the end. @default no reward of its own: reward functions judge the last turn */
  readonly judge?: (episode: ToolEpisode) => number | Promise<number>;
}

/**
 * An environment in which the model may call tools. The calls of a turn run in order, and their results are what it is told
 * next; a turn without a call is its answer and ends the episode. A call that fails, is unknown or cannot be read is told to
 * the model as `{"error": …}`, and counted: `info` has `toolCalls` and `toolFailures`.
 */
export function toolEnvironment(tools: readonly Tool[], options: ToolEnvironmentOptions = {}): () => Environment {
  const { maxToolCalls = 16, timeoutMs = 10_000, maxResultLength = 4096, judge } = options;
  return () => {
    let task: Task | undefined;
    const called: string[] = [];
    let numCalls = 0;
    const answerTo = async ({ toolCalls = [], numMalformedCalls = 0 }: Reply) => {
      const results: (ToolResult & { readonly name?: string })[] = [];
      for (const call of toolCalls) {
        numCalls += 1;
        const result =
          numCalls > maxToolCalls
            ? failure(`No more than ${maxToolCalls} calls are allowed.`)
            : await callTool(tools, call, { timeoutMs, maxResultLength });
        if (!result.hasFailed) called.push(call.name);
        results.push({ name: call.name, ...result });
      }
      for (let number = 0; number < numMalformedCalls; number++) results.push(failure(MALFORMED));
      return results;
    };
    return {
      reset(given) {
        task = given;
        return { messages: given.messages, tools: tools.map(({ description }) => description) };
      },
      async step(reply): Promise<Step> {
        if (task === undefined) throw new TypeError('An episode begins with reset.');
        const results = await answerTo(reply);
        if (results.length === 0) {
          return { done: true, ...(judge && { reward: await judge({ task, answer: reply, called }) }) };
        }
        const observation = results.map(
          ({ name, content }): Message => ({ role: 'tool', ...(name !== undefined && { name }), content }),
        );
        const toolFailures = results.filter(({ hasFailed }) => hasFailed).length;
        return { observation, done: false, info: { toolCalls: results.length, toolFailures } };
      },
    };
  };
}

const MALFORMED = 'This is no call. It must be JSON: {"name": <the tool>, "arguments": {…}}.';
