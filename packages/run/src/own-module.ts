import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SettingsError } from './settings/settings-error.ts';

/** What a module of one's own exports. */
export interface OwnModule {
  readonly functions: readonly string[];
  /** Names in its table `environments`; nothing where it has none. */
  readonly environments: readonly string[] | undefined;
  /** Names in its array `tools`; nothing where it has none. */
  readonly tools: readonly string[] | undefined;
}

/** How long a module may take to load. */
const LOAD_MS = 10_000;
const LOOK = `
const { parentPort, workerData } = require('node:worker_threads');
const isFunction = (value) => typeof value === 'function';
const isTable = (value) => typeof value === 'object' && value !== null && Object.values(value).every(isFunction);
const areTools = (value) => Array.isArray(value) && value.every((tool) => typeof tool?.name === 'string' && isFunction(tool.call));
import(workerData).then(
  (own) => {
    const { environments, tools } = own;
    if (environments !== undefined && !isTable(environments)) {
      return parentPort.postMessage({ problem: 'environments must be functions by name' });
    }
    if (tools !== undefined && !areTools(tools)) {
      return parentPort.postMessage({ problem: 'tools must be an array of what defineTool makes' });
    }
    parentPort.postMessage({
      functions: Object.keys(own).filter((name) => isFunction(own[name])),
      environments: environments && Object.keys(environments),
      tools: tools && tools.map(({ name }) => name),
    });
  },
  (error) => parentPort.postMessage({ problem: String(error?.message ?? error) }),
);`;

/**
 * Finds out what a module exports, before anything is started. It is loaded in a thread, so that whatever it starts ends with
 * that.
 *
 * @param setting - the key that names it.
 * @throws {SettingsError} when it cannot be loaded, or exports what nobody can use.
 */
export async function lookInto(module: string, setting: string): Promise<OwnModule> {
  const found = Promise.withResolvers<OwnModule | { readonly problem: string }>();
  const thread = new Worker(LOOK, { eval: true, workerData: pathToFileURL(path.resolve(module)).href });
  const timer = setTimeout(() => found.resolve({ problem: `it takes more than ${LOAD_MS} ms` }), LOAD_MS);
  thread.once('message', found.resolve);
  thread.once('error', (error: unknown) => found.resolve({ problem: String(error) }));
  thread.once('exit', (code) => found.resolve({ problem: `it ends its process, with code ${code}` }));
  try {
    const answer = await found.promise;
    if (!('problem' in answer)) return answer;
    throw new SettingsError([`${setting}: ${module} cannot be used: ${answer.problem}.`]);
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
