import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { environments as builtIn, type OpenEnvironment, type Task, type Tool } from '@forge/environments';
import { lookInto } from '../own-module.ts';
import type { EnvironmentConfig } from '../sections/environment.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { isToolName, toolNames } from './tool-names.ts';

/** What a module of one's own can add. */
export interface OwnExports {
  readonly environments: Readonly<Record<string, OpenEnvironment>>;
  readonly tools: readonly Tool[];
}

/**
 * Finds out, before anything is started, whether a module of one's own has the environment and the tools that the settings name.
 *
 * @returns the names of all environments.
 * @throws {SettingsError}
 */
export async function checkOwnEnvironments(config: EnvironmentConfig): Promise<readonly string[]> {
  const { module, name, tools: wanted } = config;
  if (module === undefined) return Object.keys(builtIn);
  const { environments, tools } = await lookInto(module, 'environment.module');
  const problems: string[] = [];
  if (environments === undefined && tools === undefined) {
    problems.push(`environment.module: ${module} exports neither environments nor tools.`);
  }
  const places = [...Object.keys(builtIn), ...(environments ?? [])];
  if (name !== undefined && !places.includes(name)) {
    problems.push(`environment.name: "${name}" must be one of ${places.join(', ')}.`);
  }
  const known = [...toolNames, ...(tools ?? [])];
  for (const tool of wanted.filter((each) => !known.includes(each))) {
    problems.push(`environment.tools: "${tool}" must be one of ${known.join(', ')}.`);
  }
  for (const tool of (tools ?? []).filter(isToolName)) {
    problems.push(`environment.module: its tool ${tool} has the name of another; give it one of its own.`);
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return places;
}

/** Refuses tasks that name an environment which is not there. @throws {SettingsError} */
export function checkTaskEnvironments(tasks: readonly Task[], known: readonly string[]): void {
  const unknown = tasks.find(({ environment = known[0]! }) => !known.includes(environment)); // some are always there
  if (unknown === undefined) return;
  throw new SettingsError([
    `dataset: a task of ${unknown.source ?? 'it'} names the environment "${unknown.environment}". There are ${known.join(', ')}.`,
  ]);
}

/** Loads a module that was checked. It runs in this process from then on. */
export async function loadOwnExports(module: string): Promise<OwnExports> {
  const own = (await import(pathToFileURL(path.resolve(module)).href)) as Partial<OwnExports>; // as it was found to be
  return { environments: own.environments ?? {}, tools: own.tools ?? [] };
}
