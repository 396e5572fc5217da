import { readFileSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { settingsTables } from '../settings/describe-settings.ts';
import { jsonSchemaOf, settingKeys } from '../settings/setting-keys.ts';

/**
 * The tables of settings in a README, from the first heading `### …` below `## Configuration` up to the next `## …`, and as
 * the schema writes them. With `UPDATE_README=1` they are put there.
 */
export function readmeTables(file: string, schema: z.ZodType): { readonly found: string; readonly wanted: string } {
  const readme = readFileSync(file, 'utf8');
  const [, found = ''] = /^## Configuration\n.*?^(### .*?)\n\n## /ms.exec(readme) ?? [];
  const wanted = settingsTables(settingKeys(jsonSchemaOf(schema)));
  if (process.env['UPDATE_README'] !== '1' || found === '') return { found, wanted };
  writeFileSync(
    file,
    readme.replace(found, () => wanted),
  );
  return { found: wanted, wanted };
}
