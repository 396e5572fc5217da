import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SettingsError } from '@forge/run';
import type { RewardConfig } from '../config/reward.ts';
import { isRewardName, partOf } from '../config/reward-functions.ts';

import type { AnswerReward } from './functions.ts';

/** How long a module may take to load. */
const LOAD_MS = 10_000;
const LOOK = `
const { parentPort, workerData } = require('node:worker_threads');
import(workerData).then(
  (module) => parentPort.postMessage({ names: Object.keys(module).filter((name) => typeof module[name] === 'function') }),
  (error) => parentPort.postMessage({ problem: String(error?.message ?? error) }),
);`;

/**
 * Finds out, before anything is started, whether a module of one's own has the functions that the configuration names. It is
 * loaded in a thread, so that whatever it starts ends with that.
 *
 * @throws {SettingsError}
 */
export async function checkOwnFunctions({ module, functions, right }: RewardConfig): Promise<void> {
  if (module === undefined) return;
  const names = await namesIn(module);
  const wanted = [...functions.map((given) => partOf(given).name), right.function].filter(
    (name) => !isRewardName(name),
  );
  const missing = [...new Set(wanted)].filter((name) => !names.includes(name));
  if (missing.length === 0) return;
  throw new SettingsError(
    missing.map(
      (name) => `reward.module: ${module} exports no function ${name}; it has ${names.join(', ') || 'none'}.`,
    ),
  );
}

async function namesIn(module: string): Promise<readonly string[]> {
  const found = Promise.withResolvers<{ readonly names: readonly string[] } | { readonly problem: string }>();
  const thread = new Worker(LOOK, { eval: true, workerData: pathToFileURL(path.resolve(module)).href });
  const timer = setTimeout(() => found.resolve({ problem: `it takes more than ${LOAD_MS} ms` }), LOAD_MS);
  thread.once('message', found.resolve);
  thread.once('error', (error: unknown) => found.resolve({ problem: String(error) }));
  thread.once('exit', (code) => found.resolve({ problem: `it ends its process, with code ${code}` }));
  try {
    const answer = await found.promise;
    if ('names' in answer) return answer.names;
    throw new SettingsError([`reward.module: ${module} cannot be loaded: ${answer.problem}.`]);
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

/** A function of a module. */
export async function loadOwnFunction(module: string, name: string): Promise<AnswerReward> {
  const exports: Readonly<Record<string, unknown>> = await import(pathToFileURL(path.resolve(module)).href);
  const own = exports[name];
  if (typeof own !== 'function') throw new SettingsError([`reward.module: ${module} exports no function ${name}.`]);
  return own as AnswerReward; // what it gives is checked whenever it is called
}
