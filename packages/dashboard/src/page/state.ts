import type { RunSummary } from './api.ts';

/** Colours that are told apart on light and dark ground, by people who see few colours, too. Source: Okabe and Ito 2008. */
const COLORS = ['#4c78dd', '#e69f00', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#b59f00', '#8c6bb1'];

/** What the page shows. */
export interface State {
  runs: readonly RunSummary[];
  /** Names of the runs that are not shown. */
  readonly hidden: Set<string>;
  place: 'step' | 'wallSeconds';
  smoothing: number;
  filter: string;
  /** The part of the x axis that is shown; all of it when there is none. */
  window: { readonly from: number; readonly to: number } | undefined;
}

export const state: State = { runs: [], hidden: new Set(), place: 'step', smoothing: 0, filter: '', window: undefined };

export const shownRuns = (): readonly RunSummary[] => state.runs.filter(({ name }) => !state.hidden.has(name));

export const colorOf = (run: string): string =>
  COLORS[state.runs.findIndex(({ name }) => name === run) % COLORS.length] ?? 'gray';
