import { readFile } from 'node:fs/promises';
import { calculator, searchTool, type Tool } from '@forge/environments';
import type { EnvironmentConfig } from '../sections/environment.ts';
import { SettingsError } from '../settings/settings-error.ts';

/** The tools without effects that a configuration names. @throws {SettingsError} when the texts to search cannot be read */
export async function plainTools({ tools, documents }: EnvironmentConfig): Promise<readonly Tool[]> {
  return [
    ...(tools.includes('calculator') ? [calculator] : []),
    ...(tools.includes('search') && documents !== undefined ? [searchTool(await linesOf(documents))] : []),
  ];
}

async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new SettingsError([`environment.documents: ${file} cannot be read (${cause.code}).`]);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new SettingsError([`environment.documents: ${file} has no text.`]);
  return lines;
}
