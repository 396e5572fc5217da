import { describe, expect, test } from 'vitest';
import { episodeMetrics } from '../../src/training/episode-metrics.ts';

describe('metrics of episodes', () => {
  test('say nothing of completions that were played in no environment', () => {
    expect(episodeMetrics([{}, {}])).toEqual({});
  });

  test('are means of turns and calls, and the share of calls that failed', () => {
    const episodes = [
      { turns: 3, counts: { toolCalls: 3, toolFailures: 1 } },
      { turns: 1 },
      { turns: 2, counts: { toolCalls: 1, toolFailures: 0 } },
      { turns: 2, failure: 'broken' },
    ];
    expect(episodeMetrics(episodes)).toEqual({
      'episode/turns': 2,
      'tools/callFrequency': 1,
      'tools/failureFrequency': 0.25,
      'environment/failures': 1,
    });
  });
});
