import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { flatSettings } from '../settings/flat-settings.ts';
import { SettingsError } from '../settings/settings-error.ts';

/** A line of `metrics.jsonl`. */
export interface StepRecord {
  readonly step: number;
  readonly phase: string;
  readonly wallSeconds: number;
  /** Numbers by key; what a step does not know is absent. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A run as its folder tells it. */
export interface RecordedRun {
  readonly folder: string;
  /** By dotted keys, as JSON. Empty when there is no `config.yaml`. */
  readonly settings: ReadonlyMap<string, string>;
  readonly records: readonly StepRecord[];
}

/**
 * Reads a run folder; a run may still be going on. Lines that cannot be read are left out.
 *
 * @throws {SettingsError} when there is no `metrics.jsonl`.
 */
export function readRun(folder: string): RecordedRun {
  const metrics = path.join(folder, 'metrics.jsonl');
  if (!existsSync(metrics)) throw new SettingsError([`${folder}: is no run folder, it has no metrics.jsonl.`]);
  const config = path.join(folder, 'config.yaml');
  return {
    folder,
    settings: existsSync(config) ? flatSettings(parse(readFileSync(config, 'utf8'))) : new Map(),
    records: readFileSync(metrics, 'utf8').split('\n').flatMap(recordOf),
  };
}

function recordOf(line: string): readonly StepRecord[] {
  try {
    const record: unknown = JSON.parse(line);
    if (!(record instanceof Object)) return [];
    const { step, phase, wallSeconds, ...rest } = record as Readonly<Record<string, unknown>>;
    if (typeof step !== 'number') return [];
    const metrics = Object.entries(rest).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
    return [
      { step, phase: String(phase ?? ''), wallSeconds: Number(wallSeconds ?? 0), metrics: Object.fromEntries(metrics) },
    ];
  } catch {
    return []; // an empty line, or the last one of a run that is writing it
  }
}
