import type { EngineOptions, RankEngine } from './rank-engine.ts';
import { ShardedEngine } from './sharded-engine.ts';

/** The engine of a rank, by its strategy. */
export function openEngine(options: EngineOptions): Promise<RankEngine> {
  return ShardedEngine.open(options);
}
