import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { checkpointsIn, loraOf } from '@forge/run';
import type { Config } from '../config/config.ts';
import { startFrozen } from '../parts.ts';
import type { Run } from '../run.ts';
import { FrozenModel } from './frozen-model.ts';

/** The folder of the model that GRPO began with. */
export const firstReference = 'reference';
const REFRESHED = /^reference-(\d{10})$/;

/** Whether the model without its adapters is the one that GRPO began with, so that the trainer has the reference within itself. */
export const isReferenceWithinTrainer = ({ grpo, model, warmup }: Config): boolean =>
  grpo.beta > 0 && loraOf(model) !== undefined && warmup.maxSteps === 0 && grpo.referenceRefresh.every === 0;

/** Whether a reference runs in processes of its own. */
export const hasReference = (config: Config): boolean => config.grpo.beta > 0 && !isReferenceWithinTrainer(config);

/** @param name - of the folder in the run's folder; see {@link refreshReference}. */
export async function openReference(run: Run, name: string): Promise<FrozenModel | undefined> {
  if (!hasReference(run.config)) return undefined;
  return await FrozenModel.open((folder) => startFrozen(run, 'reference', folder), path.join(run.log.folder, name));
}

/**
 * Moves the reference towards the policy of now, when the settings say that it is time.
 *
 * @returns the name of its folder, a new one when it has moved: what a run goes on from after an interruption.
 * Source: TRL `sync_ref_model` (arXiv 2404.09656).
 */
export async function refreshReference(
  { config, parts, log }: Run,
  reference: FrozenModel | undefined,
  { step, name }: { readonly step: number; readonly name: string },
): Promise<string> {
  const { every, share } = config.grpo.referenceRefresh;
  if (reference === undefined || every === 0 || step % every !== 0) return name;
  const next = `reference-${String(log.steps()).padStart(10, '0')}`;
  const folder = path.join(log.folder, next);
  await rm(folder, { recursive: true, force: true });
  await parts.trainer.saveMixture.callOne(folder, reference.folder, share);
  await reference.changeTo(folder);
  for (const old of unneeded(await readdir(log.folder), await oldestCheckpoint(log.folder))) {
    await rm(path.join(log.folder, old), { recursive: true, force: true });
  }
  return next;
}

/** Those among the names of folders from which no checkpoint goes on: all before the last one that the oldest checkpoint may need. */
export function unneeded(names: readonly string[], oldestStep: number): readonly string[] {
  const refreshed = names.flatMap((name) => {
    const step = REFRESHED.exec(name)?.[1];
    return step === undefined ? [] : [{ name, step: Number(step) }];
  });
  const before = refreshed.filter(({ step }) => step <= oldestStep).toSorted((a, b) => a.step - b.step);
  return before.slice(0, -1).map(({ name }) => name);
}

/** Steps of the oldest checkpoint of a run; Infinity without any. */
async function oldestCheckpoint(run: string): Promise<number> {
  const [oldest] = await checkpointsIn(run);
  return oldest === undefined ? Number.POSITIVE_INFINITY : Number(/\d+$/.exec(oldest)?.[0]);
}
