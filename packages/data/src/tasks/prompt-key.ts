import { hash } from 'node:crypto';
import type { Task } from '@forge/environments';

/**
 * A number below 2^52 that stands for what a task asks: tasks of one prompt have one key, others practically never (of a
 * million tasks two share one by chance once in 9,000 times).
 */
export function promptKey({ messages }: Task): number {
  return Number.parseInt(hash('sha1', JSON.stringify(messages)).slice(0, 13), 16);
}

const KEYS = 2 ** 52;

/** Whether a key is among those of a share of all prompts; the same for a key wherever and whenever it is asked. */
export const isInShare = (key: number, share: number): boolean => key < share * KEYS;
