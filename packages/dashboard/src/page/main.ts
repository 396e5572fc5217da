import { fetchConfig, fetchRuns, follow } from './api.ts';
import { listenToChartSettings, showCharts } from './charts.ts';
import { listenToCompletionSettings, showCompletions } from './completions.ts';
import { byId, make } from './dom.ts';
import { showHealth } from './health.ts';
import { showRunList } from './run-list.ts';
import { shownRuns, state } from './state.ts';

/** What is below the header: its name is that of its section. */
const TABS = {
  charts: showCharts,
  completions: showCompletions,
  health: showHealth,
  config: () => void showConfig(),
} as const;
type Tab = keyof typeof TABS;
let tab: Tab = 'charts';

function show(): void {
  showRunList(show);
  TABS[tab]();
}

function open(name: Tab): void {
  tab = name;
  for (const each of Object.keys(TABS)) byId(each).hidden = each !== name;
  for (const button of document.querySelectorAll<HTMLElement>('nav button')) {
    button.setAttribute('aria-pressed', String(button.dataset['tab'] === name));
  }
  show();
}

/** The configurations side by side; lines that not all have are marked. */
async function showConfig(): Promise<void> {
  const runs = shownRuns();
  const configs = await Promise.all(runs.map(async ({ name }) => (await fetchConfig(name)).config ?? 'no config.yaml'));
  const lines = configs.map((config) => config.split('\n'));
  const sets = lines.map((own) => new Set(own));
  byId('config').replaceChildren(
    make(
      'div',
      { className: 'columns' },
      ...runs.map(({ name }, i) =>
        make(
          'div',
          {},
          make('h2', {}, name),
          make(
            'pre',
            {},
            ...lines[i]!.flatMap((line) => [sets.every((set) => set.has(line)) ? line : make('mark', {}, line), '\n']),
          ),
        ),
      ),
    ),
  );
}

for (const button of document.querySelectorAll<HTMLElement>('nav button')) {
  button.addEventListener('click', () => open(button.dataset['tab'] as Tab));
}
listenToChartSettings();
listenToCompletionSettings();
state.runs = await fetchRuns();
show();
follow(
  (changed) => {
    state.runs = state.runs.map((run) => changed.find(({ name }) => name === run.name) ?? run);
    showRunList(show);
    if (tab === 'charts') showCharts();
    else if (tab === 'completions') showCompletions();
    else if (tab === 'health') showHealth();
  },
  (isLive) => {
    byId('live').className = isLive ? '' : 'lost';
    byId('live').title = isLive ? 'Connected' : 'The server does not answer';
  },
);
