import { fetchSeries, type Series } from './api.ts';
import { Chart } from './chart.ts';
import { byId, debounced, make } from './dom.ts';
import { shownRuns, state } from './state.ts';

const OVERVIEW = 'overview';
/** What people look at first, in this order; metrics without a group follow. */
const FIRST = ['reward/mean', 'eval/accuracy'];
const charts = new Map<string, Chart>();

/** Charts in sight, and a screen around them, are drawn; the others when they come near. */
const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get((target as HTMLElement).dataset['metric'] ?? '');
      if (chart !== undefined) chart.isSeen = isIntersecting;
    }
    if (entries.some(({ isIntersecting }) => isIntersecting)) drawCharts();
  },
  { rootMargin: '100%' },
);

/** Lays out a chart for each metric of the runs, by the first part of their names, and draws those in sight. */
export function showCharts(): void {
  const named = new Set(shownRuns().flatMap((run) => run.metrics));
  const metrics = [...FIRST.filter((name) => named.has(name)), ...named.difference(new Set(FIRST))].filter(isWanted);
  const groups = Map.groupBy(metrics, groupOf);
  const order = [...groups.keys()].toSorted(
    (a, b) => Number(b === OVERVIEW) - Number(a === OVERVIEW) || a.localeCompare(b),
  );
  const layout = order.map((group) => `${group}:${groups.get(group)!.join()}`).join(';');
  const place = byId('groups');
  if (place.dataset['layout'] !== layout) {
    place.dataset['layout'] = layout;
    place.replaceChildren(
      ...order.flatMap((group) => [
        make('h2', {}, group),
        make('div', { className: 'grid' }, ...groups.get(group)!.map((metric) => chartOf(metric).element)),
      ]),
      ...(metrics.length === 0 ? [make('p', { className: 'empty' }, 'No metric to show yet.')] : []),
    );
  }
  drawCharts();
}

function groupOf(metric: string): string {
  return FIRST.includes(metric) || !metric.includes('/') ? OVERVIEW : metric.slice(0, metric.indexOf('/'));
}

/** Draws the charts in sight anew. */
const drawCharts = debounced(() => void draw(), 30);

let isDrawing = false;
let isAgain = false;

/** One drawing at a time: while one is under way, what is asked for meanwhile is one more. */
async function draw(): Promise<void> {
  if (isDrawing) {
    isAgain = true;
    return;
  }
  isDrawing = true;
  try {
    const seen = [...charts.values()].filter(({ isSeen, element }) => isSeen && element.isConnected);
    if (seen.length > 0) {
      const metric = seen.map((chart) => chart.metric);
      const query = { x: state.place, columns: seen[0]!.columns, ...state.window, metric };
      const runs = shownRuns();
      const answers = await Promise.all(runs.map(async ({ name }) => await fetchSeries({ run: name, ...query })));
      for (const chart of seen) {
        chart.show(new Map(runs.map(({ name }, i): [string, Series] => [name, answers[i]![chart.metric]!])));
      }
      performance.mark('drawn');
    }
  } finally {
    isDrawing = false;
    if (isAgain) {
      isAgain = false;
      drawCharts();
    }
  }
}

function chartOf(metric: string): Chart {
  let chart = charts.get(metric);
  if (chart === undefined) {
    chart = new Chart(metric, zoom);
    charts.set(metric, chart);
    sight.observe(chart.element);
  }
  return chart;
}

function zoom(from: number, to: number): void {
  state.window = { from, to };
  byId('whole').hidden = false;
  drawCharts();
}

const isWanted = (name: string): boolean => name.toLowerCase().includes(state.filter.toLowerCase());

/** Connects the settings above the charts. */
export function listenToChartSettings(): void {
  byId('charts')
    .querySelector('form')!
    .addEventListener('submit', (event) => event.preventDefault());
  byId<HTMLInputElement>('filter').addEventListener('input', ({ currentTarget }) => {
    state.filter = (currentTarget as HTMLInputElement).value.trim();
    showCharts();
  });
  byId<HTMLSelectElement>('place').addEventListener('change', ({ currentTarget }) => {
    state.place = (currentTarget as HTMLSelectElement).value as typeof state.place;
    showAll();
  });
  byId<HTMLInputElement>('smoothing').addEventListener('input', ({ currentTarget }) => {
    state.smoothing = Number((currentTarget as HTMLInputElement).value);
    drawCharts();
  });
  byId('whole').addEventListener('click', showAll);
  window.addEventListener('resize', drawCharts);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => location.reload());
}

function showAll(): void {
  state.window = undefined;
  byId('whole').hidden = true;
  drawCharts();
}
