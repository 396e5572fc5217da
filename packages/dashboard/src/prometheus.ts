import type { Run } from './run/run.ts';

/** The latest number of every metric of runs, for Prometheus to scrape. */
export function prometheusText(runs: Iterable<Run>): string {
  const all = [...runs];
  const gauge = (name: string, help: string, samples: readonly string[]) =>
    samples.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${samples.join('\n')}\n`;
  const of = (run: Run, column: string) => run.table.column(column)?.at(-1);
  const place = (name: string, column: string) =>
    all.flatMap((run) => {
      const value = of(run, column);
      return value === undefined || Number.isNaN(value) ? [] : [`${name}{run="${escaped(run.name)}"} ${value}`];
    });
  const metrics = all.flatMap((run) =>
    run.table.metrics.flatMap((metric) => {
      const value = run.table.column(metric)?.findLast((each) => !Number.isNaN(each));
      return value === undefined
        ? []
        : [`forge_run_metric{run="${escaped(run.name)}",metric="${escaped(metric)}"} ${value}`];
    }),
  );
  return [
    gauge('forge_run_step', 'Last step of the run.', place('forge_run_step', 'step')),
    gauge('forge_run_seconds', 'Age of the run at that step.', place('forge_run_seconds', 'wallSeconds')),
    gauge(
      'forge_run_warnings',
      'Warnings of the run.',
      all.map((run) => `forge_run_warnings{run="${escaped(run.name)}"} ${run.warnings.length}`),
    ),
    gauge('forge_run_metric', 'Latest number of a metric of the run.', metrics),
  ].join('');
}

/** A label value. */
const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
