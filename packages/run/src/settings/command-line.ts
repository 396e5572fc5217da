import { parseArgs } from 'node:util';
import type { Arguments } from './load-settings.ts';
import { SettingsError } from './settings-error.ts';

/**
 * The command line as data; `undefined` when help is wanted.
 *
 * @throws {SettingsError} naming an option that does not exist.
 */
export function parseCommandLine(args: readonly string[], defaultConfig: string): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help) return undefined;
    return { config: values.config ?? defaultConfig, overrides: positionals };
  } catch (cause) {
    throw new SettingsError([`${(cause as Error).message}. Run with --help for what there is.`]);
  }
}
