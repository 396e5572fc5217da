import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { checkpointSettings, count, type LogSize, runProgram, runSettings, writeCheckpoint } from '@forge/run';
import { Random } from '@forge/tensor';
import { z } from 'zod';

const schema = z.strictObject({
  run: runSettings,
  checkpoint: checkpointSettings,
  points: z.strictObject({ steps: count.default(100).describe('a thousand points each') }).prefault({}),
});

interface Checkpoint {
  readonly step: number;
  readonly inside: number;
  readonly log: LogSize;
  readonly folder: string;
}

process.exitCode = await runProgram({
  usage: 'Estimates pi by random points: node pi.ts [key=value …]',
  manifest: path.join(import.meta.dirname, '../package.json'),
  schema,
  fixed: ['run.seed'],
  metricKeys: ['pi'],
  prepare: async () => undefined,
  readCheckpoint: async (folder): Promise<Checkpoint> => ({
    ...JSON.parse(await readFile(path.join(folder, 'state.json'), 'utf8')),
    folder,
  }),
  train: async ({ config, log, progress, signal, resumed }) => {
    const { steps } = config.points;
    const seed = new Random(config.run.seed);
    let inside = resumed?.inside ?? 0;
    progress.start('points', steps, resumed?.step);
    for (let step = (resumed?.step ?? 0) + 1; step <= steps; step++) {
      signal.throwIfAborted();
      const random = seed.split(`step ${step}`);
      for (let i = 0; i < 1000; i++) if (random.uniform() ** 2 + random.uniform() ** 2 < 1) inside++;
      const pi = (4 * inside) / (1000 * step);
      await log.step('points', { pi });
      progress.update(step, { pi: pi.toFixed(5) }, { pi });
      if (step % config.checkpoint.every !== 0) continue;
      const state = JSON.stringify({ step, inside, log: log.size });
      await writeCheckpoint(log.folder, { steps: step, keep: config.checkpoint.keep }, (folder) =>
        writeFile(path.join(folder, 'state.json'), state),
      );
    }
  },
  describeEnd: (log) => `${log.steps()} steps in ${log.folder}`,
});
