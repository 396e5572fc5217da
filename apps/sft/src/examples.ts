import type { Task } from '@forge/environments';
import type { ChatMessage, Tokenizer } from '@forge/models';
import { type DemonstratedSequence, demonstratedSequence } from '@forge/run';
import type { Config } from './config.ts';

/** The messages that ask for a task. */
export function promptOf(
  { messages }: Task,
  { systemPrompt }: Pick<Config['sft'], 'systemPrompt'>,
): readonly ChatMessage[] {
  const isComplete = systemPrompt === undefined || messages[0]?.role === 'system';
  return isComplete ? messages : [{ role: 'system', content: systemPrompt }, ...messages];
}

/** Sequences to train on, of which some may have been cut. */
export interface Examples {
  readonly sequences: readonly DemonstratedSequence[];
  /** How many were longer than allowed. */
  readonly cut: number;
}

export interface ExampleOptions extends Pick<Config['sft'], 'learn' | 'systemPrompt'> {
  /** Of a sequence. */
  readonly maxTokens: number;
}

/** Makes sequences of tasks and their demonstrations. One of which nothing to learn is left is left out. */
export function examplesOf(tasks: readonly Task[], tokenizer: Tokenizer, options: ExampleOptions): Examples {
  const whole = tasks.map((task) => {
    const sequence = demonstratedSequence(tokenizer, task, { prompt: promptOf(task, options) });
    return options.learn === 'all' ? entire(sequence) : sequence;
  });
  const sequences = whole.map((sequence) => shortened(sequence, options.maxTokens));
  return {
    sequences: sequences.filter(({ mask }) => mask.includes(1)),
    cut: sequences.filter((sequence, i) => sequence !== whole[i]).length,
  };
}

/** Every token but the first is to be learned. */
function entire({ promptIds, tokenIds }: DemonstratedSequence): DemonstratedSequence {
  const ids = [...promptIds, ...tokenIds];
  return { promptIds: ids.slice(0, 1), tokenIds: ids.slice(1), mask: new Uint8Array(ids.length - 1).fill(1) };
}

function shortened(sequence: DemonstratedSequence, maxTokens: number): DemonstratedSequence {
  const { promptIds, tokenIds, mask } = sequence;
  const room = Math.max(0, maxTokens - promptIds.length);
  if (tokenIds.length <= room) return sequence;
  return { promptIds, tokenIds: tokenIds.slice(0, room), mask: mask.subarray(0, room) };
}

/** Optimiser steps that a run takes on so many examples, which may be without end. */
export function stepsOf(examples: number, { epochs, batchSize, maxSteps }: Config['sft']): number {
  const all = Math.max(1, Math.ceil((examples * epochs) / batchSize));
  return Math.min(all, maxSteps ?? all);
}
