export { beforeDrain, Collector, drainMetrics, type Metrics, recordMetric, reduceMetrics } from './collector.ts';
export { type EventLoopOptions, watchEventLoop } from './event-loop.ts';
export { MetricFetcher } from './metric-fetcher.ts';
export { MetricLogger, type MetricLoggerOptions, type MetricRecord, type Sink } from './metric-logger.ts';
export type { MetricSource, SettledMetrics } from './observed-source.ts';
export { type Accumulated, accumulate, merge, type Reduction, reduced } from './reduction.ts';
export { type ConsoleSinkOptions, consoleSink } from './sinks/console.ts';
export { jsonlSink } from './sinks/jsonl.ts';
export { tensorBoardSink } from './sinks/tensorboard/tensorboard.ts';
