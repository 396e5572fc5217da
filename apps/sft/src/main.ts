import path from 'node:path';
import { checkOwnEnvironments, checkTaskEnvironments, prepareSource, runProgram } from '@forge/run';
import { readCheckpoint } from './checkpoints.ts';
import { configSchema } from './config.ts';
import { describeEnd, train } from './train.ts';
import { usage } from './usage.ts';

process.exitCode = await runProgram({
  usage,
  manifest: path.resolve(import.meta.dirname, '../package.json'),
  schema: configSchema,
  defaultConfig: path.resolve(import.meta.dirname, '../configs/default.yaml'),
  // Weights and data of a run come from these.
  fixed: ['run.seed', 'model', 'dataset', 'sft.batchSize', 'sft.learn', 'sft.systemPrompt', 'sft.maxTokens'],
  metricKeys: ['loss', 'gradNorm', 'tokensPerSecond'],
  prepare: async (config, folder) => {
    const environments = await checkOwnEnvironments(config.environment);
    const source = await prepareSource(config, folder);
    if (config.evaluation.accuracy !== 'none') checkTaskEnvironments(source.heldOut, environments);
    return source;
  },
  readCheckpoint,
  train,
  describeEnd,
});
