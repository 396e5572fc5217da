import path from 'node:path';
import { checkOwnEnvironments, checkTaskEnvironments, prepareSource, runProgram } from '@forge/run';
import { readCheckpoint } from './checkpoints/checkpoints.ts';
import { configSchema } from './config/config.ts';
import { checkTeacher } from './frozen/teacher.ts';
import { checkOwnFunctions } from './rewards/check-own-functions.ts';
import { describeEnd, train } from './train.ts';
import { usage } from './usage.ts';

process.exitCode = await runProgram({
  usage,
  manifest: path.resolve(import.meta.dirname, '../package.json'),
  schema: configSchema,
  defaultConfig: path.resolve(import.meta.dirname, '../configs/default.yaml'),
  // Weights and data of a run come from these.
  fixed: ['run.seed', 'model', 'dataset', 'grpo.beta', 'grpo.referenceRefresh', 'grpo.groupSize', 'grpo.groupsPerStep'],
  metricKeys: ['reward/mean', 'loss', 'kl', 'gradNorm', 'policyAge', 'tokensPerSecond'],
  prepare: async (config, folder) => {
    await checkOwnFunctions(config.reward);
    const environments = await checkOwnEnvironments(config.environment);
    const source = await prepareSource(config, folder);
    checkTaskEnvironments(source.heldOut, environments);
    await checkTeacher(config, source);
    return source;
  },
  readCheckpoint,
  train,
  describeEnd,
});
