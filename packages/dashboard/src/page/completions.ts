import { fetchCompletions } from './api.ts';
import { byId, debounced, make } from './dom.ts';
import { shortNumber } from './format.ts';
import { state } from './state.ts';

const LIMIT = 50;
let offset = 0;

const entered = (id: string): string | undefined => byId<HTMLInputElement>(id).value.trim() || undefined;

/** Shows the completions that the settings ask for. */
export const showCompletions = debounced(() => void show(), 150);

async function show(): Promise<void> {
  fillRuns();
  const run = entered('c-run');
  if (run === undefined) return;
  const { total, rows, isPartial } = await fetchCompletions({
    run,
    text: entered('c-text'),
    fromStep: entered('c-from'),
    toStep: entered('c-to'),
    minReward: entered('c-min'),
    maxReward: entered('c-max'),
    kind: entered('c-kind'),
    sort: entered('c-sort'),
    offset,
    limit: LIMIT,
  });
  byId('c-count').textContent =
    `${total.toLocaleString('en-US')} completions${isPartial ? ', of the latest 200,000' : ''}`;
  byId('c-rows').replaceChildren(...rows.map((row, i) => rowOf(row, rows[i - 1])));
  byId('c-place').textContent = total === 0 ? '' : `${offset + 1} – ${Math.min(offset + LIMIT, total)}`;
  byId<HTMLButtonElement>('c-before').disabled = offset === 0;
  byId<HTMLButtonElement>('c-after').disabled = offset + LIMIT >= total;
}

type Row = Readonly<Record<string, unknown>>;

function rowOf(row: Row, before: Row | undefined): HTMLElement {
  const text = (name: string) => make('td', { className: 'text' }, make('div', {}, String(row[name] ?? '')));
  const number = (name: string) => make('td', {}, typeof row[name] === 'number' ? shortNumber(row[name]) : '–');
  const isSame = before !== undefined && before['prompt'] === row['prompt'] && before['step'] === row['step'];
  const parts = Object.entries((row['rewards'] ?? {}) as Readonly<Record<string, number | null>>);
  return make(
    'tr',
    { className: isSame ? 'same' : '' },
    number('step'),
    make('td', {}, scoreOf(row['reward'])),
    text('prompt'),
    make('td', { className: 'text' }, make('div', { className: 'said' }, saidIn(row))),
    text('target'),
    make('td', {}, parts.map(([name, value]) => `${name} ${value === null ? '–' : shortNumber(value)}`).join(', ')),
    number('advantage'),
    number('policyVersion'),
    make('td', {}, endOf(row)),
  );
}

/** What ended it, and why it was not trained on, if it was not. */
function endOf({ finishReason, rejected, unscored }: Row): HTMLElement {
  const reason = (unscored as Readonly<Record<string, unknown>> | undefined)?.['message'] ?? rejected;
  return make(
    'div',
    {},
    String(finishReason ?? ''),
    ...(reason === undefined ? [] : [make('p', { className: 'hint' }, String(reason))]),
  );
}

/** What the model said; of several turns with what it was told in between. */
function saidIn({ completion, messages }: Row): HTMLElement {
  if (!Array.isArray(messages)) return make('div', {}, String(completion ?? ''));
  const turns = messages as readonly Readonly<Record<string, unknown>>[]; // as runs write them
  return make(
    'div',
    {},
    ...turns.map(({ role, content }) =>
      make(
        'p',
        { className: role === 'assistant' ? 'turn' : 'turn told' },
        make('span', { className: 'hint' }, `${role} `),
        String(content),
      ),
    ),
  );
}

function scoreOf(reward: unknown): HTMLElement {
  if (typeof reward !== 'number') return make('span', { className: 'hint' }, 'unscored');
  const element = make('span', { className: 'score' }, shortNumber(reward));
  const share = Math.round(100 * Math.min(1, Math.max(0, reward)));
  element.style.setProperty('--tone', `color-mix(in oklab, var(--good) ${share}%, var(--bad))`);
  return element;
}

function fillRuns(): void {
  const select = byId<HTMLSelectElement>('c-run');
  const names = state.runs.map(({ name }) => name);
  if ([...select.options].map(({ value }) => value).join('\n') === names.join('\n')) return;
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => make('option', { value: name }, name)));
  if (names.includes(chosen)) select.value = chosen;
}

/** Connects the settings above the table. */
export function listenToCompletionSettings(): void {
  const form = byId('completions').querySelector('form')!;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', () => {
    offset = 0;
    showCompletions();
  });
  const turn = (by: number) => () => {
    offset = Math.max(0, offset + by);
    showCompletions();
  };
  byId('c-before').addEventListener('click', turn(-LIMIT));
  byId('c-after').addEventListener('click', turn(LIMIT));
}
