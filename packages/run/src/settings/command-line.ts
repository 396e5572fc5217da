import { parseArgs } from 'node:util';
import type { SettingsSource } from './load-settings.ts';
import { SettingsError } from './settings-error.ts';

/** What a command line asks for. */
export type Command =
  | ({ readonly kind: 'run' } & SettingsSource)
  /** `topics` are sections or keys; all of them when there are none. */
  | { readonly kind: 'help'; readonly topics: readonly string[] };

/**
 * The command line as data.
 *
 * @param defaultConfig - the settings when `--config` names none.
 * @throws {SettingsError} naming an option that does not exist.
 */
export function parseCommandLine(args: readonly string[], defaultConfig?: string): Command {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help) return { kind: 'help', topics: positionals };
    return { kind: 'run', config: values.config ?? defaultConfig, overrides: positionals };
  } catch (cause) {
    throw new SettingsError([`${(cause as Error).message}. Run with --help for what there is.`]);
  }
}
