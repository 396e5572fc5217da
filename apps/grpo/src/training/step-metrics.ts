import type { BatchResult } from '@forge/trainer';

/** What each optimiser step on a batch is told of by itself, where there are several. */
const OF_EACH = ['ratio/mean', 'ratio/max', 'clip_ratio/region_mean', 'approx_kl'];

/** The trainer's metrics of a batch: means over its optimiser steps, and `update/1/ratio/mean`, … of each where it has several. */
export function stepMetrics({ metrics, steps }: BatchResult): Readonly<Record<string, number>> {
  if (steps.length === 1) return metrics;
  const ofEach = steps.flatMap((step, i) =>
    OF_EACH.map((name) => [`update/${i + 1}/${name}`, step.metrics[name] ?? Number.NaN] as const),
  );
  return { ...metrics, 'update/count': steps.length, ...Object.fromEntries(ofEach) };
}
