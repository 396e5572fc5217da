import { Actor, endpoint, thisHost } from '@forge/monarch';
import { consoleSink, jsonlSink, MetricLogger, recordMetric } from '@forge/observability';

export class Worker extends Actor {
  static readonly module: string = import.meta.url;
  readonly work = endpoint((ms: number) => recordMetric('work/ms', ms));
}
if (import.meta.main) {
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 2 } });
  await using logger = new MetricLogger([consoleSink(), jsonlSink('runs/first/metrics.jsonl')]);
  await logger.observe(procs);
  const workers = await procs.spawn('workers', Worker);
  for (const ms of [3, 9]) await workers.work.call(ms);
  await logger.flush(1, { phase: 'grpo' });
}
