import type { Environment, Reply, ToolCall } from '../src/environment.ts';
import { type EpisodeLimits, type PlayedEpisode, playEpisode, type Turn } from '../src/play-episode.ts';
import type { Message, Task } from '../src/task.ts';

const CALL = /<tool_call>\n(.*?)\n<\/tool_call>/gs;

/** A turn of a model, with the calls that it writes. */
export function turn(text: string): Turn {
  const toolCalls: ToolCall[] = [...text.matchAll(CALL)].map(([, json]) => JSON.parse(json!) as ToolCall);
  return { text, toolCalls, isCutOff: false } satisfies Reply & { isCutOff: boolean };
}

/** Plays an episode in which the model says these texts, one a turn; it has no room for more. */
export async function play(
  environment: Environment,
  task: Task,
  texts: readonly string[],
  limits: EpisodeLimits & { readonly heard?: (messages: readonly Message[]) => void } = {},
): Promise<PlayedEpisode> {
  const { heard, ...others } = limits;
  await environment.reset(task);
  const partner = {
    say: async (messages: readonly Message[], number: number) => {
      heard?.(messages);
      const text = texts[number];
      return text === undefined ? undefined : turn(text);
    },
  };
  return playEpisode(environment, turn(texts[0]!), partner, others);
}
