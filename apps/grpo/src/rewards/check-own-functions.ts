import { lookInto, SettingsError } from '@forge/run';
import type { RewardConfig } from '../config/reward.ts';
import { isRewardName } from '../config/reward-functions.ts';
import { partOf } from '../config/reward-part.ts';

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
