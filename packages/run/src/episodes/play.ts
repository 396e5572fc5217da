import { type Sampled, sampledFrom } from '@forge/data';
import { type BegunEpisodes, beginEpisodes, EpisodeError, playEpisode, type Task } from '@forge/environments';
import type { Completion, Generator } from '@forge/generator';
import type { ChatMessage } from '@forge/models';
import type { Service } from '@forge/service';
import { beginTimeoutMs, type Environments, stepTimeoutMs } from '../environments/environments.ts';
import { given } from '../given.ts';
import type { EnvironmentConfig } from '../sections/environment.ts';
import { conversation } from '../source/prompt.ts';
import { outcomeOf } from './outcome-of.ts';
import { playTurns, turnOf } from './play-turns.ts';

/** Who plays, and by which rules. */
export interface Player {
  readonly config: {
    /** Of one answer. */
    readonly generator: { readonly maxTokens: number };
    readonly environment: EnvironmentConfig;
  };
  readonly parts: { readonly generator: Service<Generator>; readonly environments: Pick<Environments, 'of'> };
  /** What the model is asked. @default the messages of the task, after instructions on how to answer */
  readonly ask?: (task: Task) => readonly ChatMessage[];
}

/** How a task is played. */
export interface PlayOptions {
  /** Episodes of it. */
  readonly n: number;
  /** 0: greedily. */
  readonly temperature: number;
  /** Equal weights play equally with it, whatever is played beside. @default the generator draws one */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/**
 * Plays a task `n` times, in its environment if it has one: a prompt that is computed once, and what follows from each answer
 * to it. An environment that fails leaves episodes without a reward, and does not reject.
 */
export async function play(player: Player, task: Task, options: PlayOptions): Promise<readonly Sampled[]> {
  const open = player.parts.environments.of(task);
  if (open === undefined) return (await answers(player, task, options)).map(sampledFrom);
  const { environment: limits } = player.config;
  let begun: BegunEpisodes;
  try {
    begun = await beginEpisodes(open, task, { n: options.n, timeoutMs: beginTimeoutMs(limits) });
  } catch (error) {
    if (!(error instanceof EpisodeError)) throw error;
    const { message: failure } = error;
    return (await answers(player, task, options)).map((completion) => ({ ...sampledFrom(completion), failure }));
  }
  await using episodes = begun;
  const opened = { ...task, messages: episodes.opening.messages };
  if (episodes.maxTurns > 1) return await playTurns(player, opened, { ...options, episodes });
  return await judged(await answers(player, opened, options), episodes, stepTimeoutMs(limits));
}

/** All answers to a task, in one request. */
function answers(
  { parts, config, ask = conversation }: Player,
  task: Task,
  options: PlayOptions,
): Promise<readonly Completion[]> {
  const { n, temperature, seed, signal } = options;
  const { maxTokens } = config.generator;
  return parts.generator.chat
    .with(given({ signal }))
    .route(ask(task), { n, temperature, maxTokens, ...given({ seed }) });
}

/** Answers with what their environments say of them. */
async function judged(
  completions: readonly Completion[],
  { environments }: BegunEpisodes,
  stepTimeoutMs: number,
): Promise<readonly Sampled[]> {
  const nobody = { say: async () => undefined };
  return await Promise.all(
    completions.map(async (completion, i) => {
      const limits = { maxTurns: 1, stepTimeoutMs };
      const played = await playEpisode(environments[i]!, turnOf(completion), nobody, limits); // one each
      return { ...sampledFrom(completion), ...outcomeOf(played) };
    }),
  );
}
