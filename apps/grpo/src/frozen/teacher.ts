import { loadConfig, resolveModel } from '@forge/models';
import { SettingsError, type Source } from '@forge/run';
import type { Config } from '../config/config.ts';
import { startFrozen } from '../parts.ts';
import type { Run } from '../run.ts';
import { FrozenModel } from './frozen-model.ts';

/** The teacher of the settings, if they name one. */
export async function openTeacher(run: Run): Promise<FrozenModel | undefined> {
  const { path } = run.config.teacher;
  if (path === undefined) return undefined;
  return await FrozenModel.open((folder) => startFrozen(run, 'teacher', folder), await resolveModel(path));
}

/** @throws {SettingsError} when the teacher has other tokens than the model. */
export async function checkTeacher({ teacher }: Config, { modelFolder }: Source): Promise<void> {
  if (teacher.path === undefined) return;
  const [student, model] = await Promise.all([loadConfig(modelFolder), resolveModel(teacher.path).then(loadConfig)]);
  if (model.vocabSize === student.vocabSize) return;
  throw new SettingsError([
    `teacher.path: ${teacher.path} has ${model.vocabSize} tokens, the model has ${student.vocabSize}; it must be of the same family.`,
  ]);
}
