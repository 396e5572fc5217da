import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OpenEnvironment, Tool } from '@forge/environments';
import { SettingsError } from '@forge/run';

/** What a module of one's own can add. */
export interface OwnExports {
  readonly environments: Readonly<Record<string, OpenEnvironment>>;
  readonly tools: readonly Tool[];
}

/**
 * Loads a module of one's own. It runs in this process from then on.
 *
 * @throws {SettingsError} when it cannot be loaded, or exports neither `environments` nor `tools`.
 */
export async function loadOwnExports(module: string): Promise<OwnExports> {
  const own: Readonly<Record<string, unknown>> = await import(pathToFileURL(path.resolve(module)).href).catch(
    (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SettingsError([`environment.module: ${module} cannot be loaded: ${reason}.`]);
    },
  );
  const { environments = {}, tools = [] } = own;
  if (!('environments' in own || 'tools' in own)) {
    throw new SettingsError([`environment.module: ${module} exports neither environments nor tools.`]);
  }
  if (!isTable(environments)) {
    throw new SettingsError([`environment.module: environments of ${module} must be functions by name.`]);
  }
  if (!isTools(tools)) {
    throw new SettingsError([`environment.module: tools of ${module} must be an array of what defineTool makes.`]);
  }
  return { environments, tools };
}

function isTable(value: unknown): value is OwnExports['environments'] {
  return (
    typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'function')
  );
}

function isTools(value: unknown): value is readonly Tool[] {
  return (
    Array.isArray(value) && value.every((each) => typeof each?.name === 'string' && typeof each?.call === 'function')
  );
}
