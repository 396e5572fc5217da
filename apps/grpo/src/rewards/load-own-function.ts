import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AnswerReward } from './functions.ts';

/** A function of a module of one's own, which {@link checkOwnFunctions} has found there. */
export async function loadOwnFunction(module: string, name: string): Promise<AnswerReward> {
  const exports: Readonly<Record<string, unknown>> = await import(pathToFileURL(path.resolve(module)).href);
  const own = exports[name];
  if (typeof own !== 'function') throw new TypeError(`reward.module: ${module} exports no function ${name} any more.`);
  return own as AnswerReward; // what it gives is checked whenever it is called
}
