import { Random } from '@forge/tensor';
import type { Engine } from '../src/index.ts';
import { generate, promptOf } from './small-engine.ts';

/** Prompts and completions have so many tokens: on average under the steady load, all of them in a static batch. */
const numPromptTokens = 32;
const numTokens = 64;

const random = new Random('loads');
/** Each within so much of the mean equally likely. */
const about = (mean: number, most: number): number => mean - most + random.integer(2 * most + 1);

/** What a steady load has given. */
export interface Served {
  readonly tokensPerMs: number;
  /** How long each request waited for a slot, over the mean: as all clients ask for the same, that is its fair share. */
  readonly waits: readonly number[];
}

interface Answer {
  readonly firstTokenAtMs: number;
  readonly endedAtMs: number;
  readonly queuedMs: number;
  readonly numTokens: number;
}

/**
 * So many clients that ask for the next completion when they have one; prompts and completions are as long as they like.
 * Counts from the end of the first requests, which came all at once, until a client has nothing to ask for.
 */
export async function steadyLoad(engine: Engine, numClients: number, numRequests: number): Promise<Served> {
  const answers: Answer[] = [];
  let [numAsked, steadyToMs] = [0, Number.POSITIVE_INFINITY];
  const client = async (): Promise<void> => {
    while (numAsked < numRequests) {
      const request = numAsked++;
      const askedAtMs = performance.now();
      const prompt = promptOf(about(numPromptTokens, 28));
      const [completion] = await generate(engine, prompt, { maxTokens: about(numTokens, 48) });
      const { queuedMs, firstTokenMs, totalMs } = completion!.timing;
      answers[request] = {
        firstTokenAtMs: askedAtMs + firstTokenMs,
        endedAtMs: askedAtMs + totalMs,
        queuedMs,
        numTokens: completion!.tokenIds.length,
      };
    }
    steadyToMs = Math.min(steadyToMs, performance.now());
  };
  await Promise.all(Array.from({ length: numClients }, client));
  const steadyFromMs = Math.max(...answers.slice(0, numClients).map(({ endedAtMs }) => endedAtMs));
  // Those that are cut by an end of the time count as far as they are in it: a token a step, and steps are of one length.
  const tokensOf = ({ firstTokenAtMs, endedAtMs, numTokens }: Answer): number => {
    const withinMs = Math.min(endedAtMs, steadyToMs) - Math.max(firstTokenAtMs, steadyFromMs);
    return (numTokens * Math.max(0, withinMs)) / (endedAtMs - firstTokenAtMs);
  };
  const queuedMs = answers
    .filter(({ endedAtMs }) => endedAtMs > steadyFromMs && endedAtMs < steadyToMs)
    .map((answer) => answer.queuedMs);
  const fairMs = queuedMs.reduce((sum, ms) => sum + ms, 0) / queuedMs.length;
  return {
    tokensPerMs: answers.reduce((sum, answer) => sum + tokensOf(answer), 0) / (steadyToMs - steadyFromMs),
    waits: queuedMs.map((ms) => ms / fairMs),
  };
}

/** Tokens a millisecond of full batches from beginning to end, one after the other: every sequence has the mean lengths. */
export async function staticBatches(engine: Engine, numSequences: number, numBatches: number): Promise<number> {
  const startedAtMs = performance.now();
  for (let batch = 0; batch < numBatches; batch++) {
    const prompts = Array.from({ length: numSequences }, () => promptOf(numPromptTokens));
    await Promise.all(prompts.map((ids) => generate(engine, ids, { maxTokens: numTokens })));
  }
  return (numBatches * numSequences * numTokens) / (performance.now() - startedAtMs);
}
