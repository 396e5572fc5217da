import type { z } from 'zod';
import { type DescribeSettingsOptions, describeSettings } from './describe-settings.ts';
import { jsonSchemaOf, type SettingKey, settingKeys } from './setting-keys.ts';
import { SettingsError } from './settings-error.ts';
import { nearestNames } from './suggestion.ts';

export interface HelpOptions extends DescribeSettingsOptions {
  /** What comes before the settings when no topic is asked for. */
  readonly usage: string;
  readonly schema: z.ZodType;
}

/**
 * The answer to `--help`: usage and all settings, or those of the sections and keys that are asked for.
 *
 * @throws {SettingsError} naming a topic that is neither.
 */
export function helpText(topics: readonly string[], { usage, schema, ...options }: HelpOptions): string {
  const keys = settingKeys(jsonSchemaOf(schema));
  if (topics.length === 0) return `${usage.trimEnd()}\n\nSettings:\n\n${describeSettings(keys, options)}\n`;
  const wanted = topics.map((topic) => ({ topic, keys: keys.filter((each) => isUnder(each, topic)) }));
  const unknown = wanted.filter((each) => each.keys.length === 0).map(({ topic }) => topic);
  if (unknown.length > 0)
    throw new SettingsError(unknown.map((topic) => `--help ${topic}: ${unknownTopic(topic, keys)}`));
  return `${wanted.map((each) => describeSettings(each.keys, options)).join('\n\n')}\n`;
}

const isUnder = ({ key }: SettingKey, topic: string) => `${key}.`.startsWith(`${topic}.`);

function unknownTopic(topic: string, keys: readonly SettingKey[]): string {
  const sections = [...new Set(keys.map(({ key }) => key.split('.', 1)[0]!))]; // split gives one part at least
  const near = nearestNames(topic, [...sections, ...keys.map(({ key }) => key)]);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `the sections are ${sections.join(', ')}.`;
  return `there is no such section or key; ${hint}`;
}
