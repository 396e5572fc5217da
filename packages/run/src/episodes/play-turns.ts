import type { Sampled } from '@forge/data';
import { type BegunEpisodes, type Partner, playEpisode, type Task, type Turn } from '@forge/environments';
import { type Completion, Conversation, parseToolCalls } from '@forge/generator';
import { Random } from '@forge/tensor';
import { stepTimeoutMs } from '../environments/environments.ts';
import { given } from '../given.ts';
import { conversation } from '../source/prompt.ts';
import { outcomeOf } from './outcome-of.ts';
import type { Player, PlayOptions } from './play.ts';

/** Plays episodes as conversations that branch at the first answer, so that their prompt is computed once. */
export async function playTurns(
  { parts, config, ask = conversation }: Player,
  task: Task,
  { n, temperature, seed, signal, episodes }: PlayOptions & { readonly episodes: BegunEpisodes },
): Promise<readonly Sampled[]> {
  const { opening, environments } = episodes;
  const { maxTokens = Number.POSITIVE_INFINITY } = config.environment;
  await using shared = await Conversation.open(parts.generator, {
    sampling: { temperature, maxTokens: Math.min(config.generator.maxTokens, maxTokens) },
    template: given({ tools: opening.tools }),
  });
  const branches = await shared.branch(ask(task), { n, ...given({ seed, signal }) });
  const limits = { maxTurns: config.environment.maxTurns, stepTimeoutMs: stepTimeoutMs(config.environment) };
  return await Promise.all(
    branches.map(async (branch, i) => {
      await using own = branch;
      const [first] = own.turns;
      const maxLength = first!.promptIds.length + maxTokens; // it has its first turn
      const random = seed === undefined ? undefined : new Random(seed).split(`episode ${i}`);
      const partner: Partner = {
        say: async (messages, turn) => {
          const drawn = random?.split(`turn ${turn}`).integer(2 ** 31);
          try {
            return turnOf(await own.say(messages, { maxLength, ...given({ signal, seed: drawn }) }));
          } catch (error) {
            if (isFull(error)) return undefined;
            throw error;
          }
        },
      };
      const played = await playEpisode(environments[i]!, turnOf(first!), partner, limits); // one a branch
      return { ...sampledConversation(own), ...outcomeOf(played), messages: played.messages };
    }),
  );
}

/** A completion as an environment hears it. */
export function turnOf({ text, finishReason }: Completion): Turn {
  const { toolCalls, numMalformed } = parseToolCalls(text);
  return { text, toolCalls, numMalformedCalls: numMalformed, isCutOff: finishReason !== 'stop' };
}

/** The whole of a conversation as one sequence; its completion is what was said last. */
function sampledConversation(conversation: Conversation): Omit<Sampled, 'isTruncated'> {
  const { promptIds, tokenIds, mask, logProbs, versions } = conversation.tokens();
  const { turns } = conversation;
  const [first, last] = [turns[0]!, turns.at(-1)!]; // it has been answered
  return {
    prompt: first.prompt,
    promptIds,
    completion: last.text,
    tokenIds,
    logProbs,
    versions,
    mask,
    turns: turns.length,
    policyVersion: Math.min(...turns.flatMap((turn) => [...turn.versions])),
    finishReason: last.finishReason,
  };
}

/** Whether an error says that there is no room for another turn; from another process, it is the cause of one. */
function isFull(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return cause?.code === 'ERR_GENERATOR_CONVERSATION_FULL';
}
