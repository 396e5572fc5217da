import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { SettingsError } from '@forge/run';
import type { RewardConfig } from '../config/reward.ts';
import { isRewardName, partOf } from '../config/reward-functions.ts';
import { lookInto } from '../own-module.ts';
import type { AnswerReward } from './functions.ts';

/**
 * Finds out, before anything is started, whether a module of one's own has the functions that the configuration names.
 *
 * @throws {SettingsError}
 */
export async function checkOwnFunctions({ module, functions, right }: RewardConfig): Promise<void> {
  if (module === undefined) return;
  const { functions: names } = await lookInto(module, 'reward.module');
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

/** A function of a module. */
export async function loadOwnFunction(module: string, name: string): Promise<AnswerReward> {
  const exports: Readonly<Record<string, unknown>> = await import(pathToFileURL(path.resolve(module)).href);
  const own = exports[name];
  if (typeof own !== 'function') throw new SettingsError([`reward.module: ${module} exports no function ${name}.`]);
  return own as AnswerReward; // what it gives is checked whenever it is called
}
