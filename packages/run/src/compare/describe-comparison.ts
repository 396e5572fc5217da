import path from 'node:path';
import { duration } from '../display/duration.ts';
import { sparkline } from '../display/sparkline.ts';
import {
  columnOf,
  type DifferentSetting,
  type Extent,
  type RunComparison,
  type RunSummary,
  type StepByStep,
} from './compare-runs.ts';
import type { RecordedRun } from './read-run.ts';

/** Curves that are drawn where a run has them. */
const CURVES = ['reward/mean', 'eval/accuracy', 'loss', 'eval/loss', 'kl', 'entropy'];
const CURVE_WIDTH = 40;
/** Metrics named of a step that differs. */
const NAMED = 8;

/** A comparison as a text of tables. */
export function describeComparison(comparison: RunComparison, recorded: readonly RecordedRun[]): string {
  const { runs, settings, stepByStep } = comparison;
  const names = runs.map(({ folder }) => nameOf(folder, runs));
  const parts = [table(['', ...names], summaryRows(runs))];
  if (runs.length > 1) {
    parts.push(
      settings.length === 0
        ? 'The settings are the same.'
        : `Settings that differ:\n${table(['', ...names], settingRows(settings, recorded))}`,
    );
  }
  const curves = CURVES.flatMap((key) =>
    recorded.flatMap(({ records }, i) => {
      const values = columnOf(records, key);
      return values.length < 2 ? [] : [[key, names[i] ?? '', sparkline(thinned(values, CURVE_WIDTH), CURVE_WIDTH)]];
    }),
  );
  if (curves.length > 0) parts.push(`Over their steps:\n${table([], curves)}`);
  parts.push(...stepByStep.map((each) => describeSteps(each, runs)));
  return `${parts.join('\n\n')}\n`;
}

/** A row a key; one for all keys of a section that not every run has, as runs of two programs. */
function settingRows(
  settings: readonly DifferentSetting[],
  recorded: readonly RecordedRun[],
): readonly (readonly string[])[] {
  const sectionOf = (key: string) => key.split('.', 1)[0] ?? key;
  const sections = recorded.map((run) => new Set([...run.settings.keys()].map(sectionOf)));
  return [...Map.groupBy(settings, ({ key }) => sectionOf(key))].flatMap(([section, members]) =>
    sections.every((each) => each.has(section))
      ? members.map(({ key, values }) => [key, ...values.map((value) => value ?? '–')])
      : [[`${section}.*`, ...sections.map((each) => (each.has(section) ? 'has it' : '–'))]],
  );
}

function summaryRows(runs: readonly RunSummary[]): readonly (readonly string[])[] {
  const accuracies = runs[0]?.reached.map(({ accuracy }) => accuracy) ?? [];
  const rows: readonly (readonly [string, (run: RunSummary) => string | undefined])[] = [
    [
      'steps',
      ({ steps }) =>
        Object.entries(steps)
          .map(([phase, count]) => `${count} ${phase}`)
          .join(', '),
    ],
    ['time', ({ seconds }) => duration(seconds)],
    ['held-out accuracy', ({ accuracy }) => extent(accuracy)],
    ['mean reward', ({ reward }) => extent(reward)],
    ['tokens/s', ({ tokensPerSecond }) => tokensPerSecond?.toFixed(0)],
    ...accuracies.map((accuracy, i) => {
      const when = ({ reached }: RunSummary) => {
        const at = reached[i]?.at;
        return at && `step ${at.step}, ${duration(at.seconds)}`;
      };
      return [`accuracy ${accuracy}`, when] as const;
    }),
  ];
  return rows
    .map(([name, of]) => [name, ...runs.map(of)])
    .filter(([, ...values]) => values.some((value) => value !== undefined))
    .map((row) => row.map((value) => value ?? '–'));
}

const extent = (values: Extent | undefined) =>
  values && `${values.first.toFixed(3)} → ${values.last.toFixed(3)}, best ${values.best.toFixed(3)}`;

function describeSteps({ runs: [a, b], common, first }: StepByStep, runs: readonly RunSummary[]): string {
  const pair = `${nameOf(a, runs)} and ${nameOf(b, runs)}`;
  if (common === 0) return `${pair} have no step in common.`;
  if (first === undefined) return `${pair} are equal to the last bit in the ${common} steps that both have.`;
  const metrics = Object.entries(first.metrics);
  const rows = metrics.slice(0, NAMED).map(([key, values]) => [key, ...values.map((value) => String(value ?? '–'))]);
  const more = metrics.length > NAMED ? `\n… and ${metrics.length - NAMED} more.` : '';
  return `${pair} differ first in step ${first.step}, of ${common} that both have:\n${table([], rows)}${more}`;
}

/** The last part of a folder, or all of it when two runs end alike. */
function nameOf(folder: string, runs: readonly RunSummary[]): string {
  const name = path.basename(folder);
  return runs.filter((run) => path.basename(run.folder) === name).length > 1 ? folder : name;
}

/** Means of equal parts of a curve, at most so many. */
function thinned(values: readonly number[], parts: number): readonly number[] {
  if (values.length <= parts) return values;
  return Array.from({ length: parts }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / parts), Math.floor(((i + 1) * values.length) / parts));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = head.length > 0 ? [head, ...rows] : rows;
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
