import { PipelineEngine } from './pipeline-engine.ts';
import type { EngineOptions, RankEngine, Strategy } from './rank-engine.ts';
import { ShardedEngine } from './sharded-engine.ts';

const engines: Readonly<Record<Strategy, (options: EngineOptions) => Promise<RankEngine>>> = {
  dataParallel: (options) => ShardedEngine.open(options),
  fullyShard: (options) => ShardedEngine.open(options),
  pipeline: (options) => PipelineEngine.open(options),
};

/** The engine of a rank, by its strategy. */
export const openEngine = (options: EngineOptions): Promise<RankEngine> => engines[options.strategy](options);
