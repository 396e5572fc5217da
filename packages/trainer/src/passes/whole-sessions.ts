import { type ModelConfig, trainingGraph } from '@forge/models';
import { type Port, splitGraph } from '@forge/onnx';
import { openSessions, type Sessions } from './open-sessions.ts';
import type { PassesOptions } from './passes.ts';

/** The training graph of a whole model from its embedded tokens on, cut between log-probabilities and loss. */
export type WholeSessions = Sessions<'forward' | 'backward'> & {
  /** What forward hands over to backward. */
  readonly saved: readonly Port[];
};

export async function openWholeSessions(
  config: ModelConfig,
  { trainable, lora, entropy, maxLogits: _, ...compute }: PassesOptions,
  sharedPrefix: boolean,
): Promise<WholeSessions> {
  const graph = trainingGraph(config, { sharedPrefix, embedded: true, trainable, entropy, ...(lora && { lora }) });
  const { early, late, saved } = splitGraph(graph, ['weights', ...(entropy ? ['entropy_weights'] : [])]);
  return { ...(await openSessions({ forward: early, backward: late }, compute)), saved };
}
