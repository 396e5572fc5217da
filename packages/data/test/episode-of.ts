import { type Episode, type Generated, sampledFrom } from '../src/index.ts';

/** A completion of as many tokens as there are versions. */
export function generatedWith(versions: readonly number[]): Generated {
  return {
    prompt: 'How many?',
    promptIds: [1, 2],
    text: 'five',
    tokenIds: versions.map((_, token) => token),
    logProbs: Float32Array.from(versions, () => -0.5),
    versions: Int32Array.from(versions),
    finishReason: 'stop',
  };
}

export function episodeOf(versions: readonly number[]): Episode {
  const scored = { target: '5', reward: 1, rewards: { math: 1 }, isRight: true };
  return { ...sampledFrom(generatedWith(versions)), ...scored };
}
