import type { ResolvedSamplingParams } from '../sampling/sampling-params.ts';
import type { Completion } from './completion.ts';
import type { CompletionDelta } from './completion-delta.ts';
import type { Engine } from './engine.ts';
import type { Prompt } from './prompt.ts';

/**
 * The completions of a prompt as they grow; returns them whole. Leaving the loop early gives the request up.
 *
 * @throws what {@link Engine.generate} throws, after the deltas that came before.
 */
export async function* streamCompletions(
  engine: Engine,
  prompt: Prompt,
  params: ResolvedSamplingParams,
  signal?: AbortSignal,
): AsyncGenerator<CompletionDelta, readonly Completion[]> {
  const left = new AbortController();
  const arrived: CompletionDelta[] = [];
  let changed = Promise.withResolvers<void>();
  let isSettled = false;
  const completions = engine.generate(prompt, params, {
    signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
    onDelta(delta) {
      arrived.push(delta);
      changed.resolve();
    },
  });
  const settle = () => {
    isSettled = true;
    changed.resolve();
  };
  completions.then(settle, settle);
  try {
    while (!isSettled) {
      await changed.promise;
      changed = Promise.withResolvers<void>();
      yield* arrived.splice(0);
    }
    return await completions;
  } finally {
    left.abort(); // changes nothing once it is settled
  }
}
