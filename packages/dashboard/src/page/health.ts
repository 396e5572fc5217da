import { fetchHealth, type PartNode, type RunHealth, type TimeBar } from './api.ts';
import { byId, debounced, make } from './dom.ts';
import { duration, shortNumber } from './format.ts';
import { shownRuns } from './state.ts';

/** Colours of phases, in the order in which they come. */
const COLORS = ['#4c78dd', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c6bb1', '#b59f00'];
/** States in which a replica serves, and in which it is not wanted any more. */
const GOOD: readonly string[] = ['healthy'];
/** Of an event loop, from which on it is worth a look. */
const BLOCKED_MS = 1_000;
const OVER: readonly string[] = ['stopped'];

/** Shows of each run what is wrong, which processes it has, and what its time is spent on. */
export const showHealth = debounced(() => void show(), 100);

async function show(): Promise<void> {
  const runs = shownRuns();
  const all = await Promise.all(runs.map(({ name }) => fetchHealth(name)));
  byId('health').replaceChildren(
    make('div', { className: 'columns' }, ...runs.map(({ name }, i) => healthOf(name, all[i]!))), // one a run
  );
}

function healthOf(name: string, { warnings, processes, time, eventLoops }: RunHealth): HTMLElement {
  return make(
    'div',
    { className: 'run-health' },
    make('h2', {}, name),
    make('h3', {}, 'Warnings'),
    warnings.length === 0
      ? make('p', { className: 'hint' }, 'None.')
      : make(
          'ul',
          { className: 'card warnings' },
          ...warnings.map(({ step, wallSeconds, name: kind, message }) =>
            make(
              'li',
              {},
              make('span', { className: 'badge bad' }, kind),
              make('span', { className: 'hint' }, ` step ${step} · ${duration(wallSeconds)} `),
              make('p', {}, message),
            ),
          ),
        ),
    make('h3', {}, 'Processes'),
    processes.parts.length === 0
      ? make('p', { className: 'hint' }, 'No processes.jsonl.')
      : make('ul', { className: 'card tree' }, ...processes.parts.map(partOf)),
    ...(processes.changes.length === 0 ? [] : [changesOf(processes.changes)]),
    make('h3', {}, 'Event loops'),
    eventLoops.length === 0
      ? make('p', { className: 'hint' }, 'No …_perf/event_loop_delay/max_ms.')
      : loopsOf(eventLoops),
    make('h3', {}, 'Time of a step'),
    time.length === 0 ? make('p', { className: 'hint' }, 'No perf/…Seconds.') : timeOf(time),
  );
}

function partOf({ name, kind, replicas }: PartNode): HTMLElement {
  const title = make('b', {}, name);
  const hint = make('span', { className: 'hint' }, ` ${kind === 'service' ? `service of ${replicas.length}` : kind} `);
  if (kind !== 'service') return make('li', {}, title, hint, ...replicas.flatMap(stateOf));
  const each = replicas.map((replica) => make('li', {}, `${name}/${replica.index} `, ...stateOf(replica)));
  return make('li', {}, title, hint, make('ul', {}, ...each));
}

function stateOf({ state, restarts, cause }: PartNode['replicas'][number]): readonly HTMLElement[] {
  const tone = GOOD.includes(state) ? 'good' : OVER.includes(state) ? '' : 'bad';
  const times = ` ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`;
  return [
    make('span', { className: `badge ${tone}` }, state),
    ...(restarts > 0 ? [make('span', { className: 'hint' }, times)] : []),
    ...(cause === undefined ? [] : [make('p', { className: 'hint' }, cause)]),
  ];
}

function changesOf(changes: RunHealth['processes']['changes']): HTMLElement {
  return make(
    'details',
    {},
    make('summary', { className: 'hint' }, `${changes.length} changes`),
    make(
      'ul',
      { className: 'card changes' },
      ...changes.map(({ wallSeconds, process, from, to }) =>
        make(
          'li',
          {},
          make('span', { className: 'hint' }, `${duration(wallSeconds)} `),
          `${process} `,
          from === null ? to : `${from} → ${to}`,
        ),
      ),
    ),
  );
}

/** For how long each process did not answer; more than a second is a reason to look at it. */
function loopsOf(loops: RunHealth['eventLoops']): HTMLElement {
  return make(
    'ul',
    { className: 'card loops' },
    ...loops.map(({ process, lastMs, worstMs, worstStep }) =>
      make(
        'li',
        {},
        make('b', {}, process),
        ' ',
        make('span', { className: `badge ${worstMs > BLOCKED_MS ? 'bad' : 'good'}` }, `${shortNumber(worstMs)} ms`),
        make('span', { className: 'hint' }, ` late at step ${worstStep}, ${shortNumber(lastMs)} ms at the last`),
      ),
    ),
  );
}

/** Stacked bars over the steps, as high as the longest of them. */
function timeOf(bars: readonly TimeBar[]): HTMLElement {
  const phases = [...new Set(bars.flatMap(({ seconds }) => Object.keys(seconds)))];
  const totals = bars.map(({ seconds }) => Object.values(seconds).reduce((sum, value) => sum + value, 0));
  const highest = Math.max(...totals);
  const all = totals.reduce((sum, value) => sum + value, 0);
  const shareOf = (phase: string) => bars.reduce((sum, { seconds }) => sum + (seconds[phase] ?? 0), 0) / all;
  const color = (phase: string) => COLORS[phases.indexOf(phase) % COLORS.length]!;
  const columns = bars.map(({ fromStep, toStep, seconds }) => {
    const steps = fromStep === toStep ? `step ${fromStep}` : `steps ${fromStep} – ${toStep}`;
    const told = phases.map((phase) => `${phase} ${shortNumber(seconds[phase] ?? 0)} s`).join('\n');
    return make(
      'span',
      { className: 'bar-of-time', title: `${steps}\n${told}` },
      ...phases.map((phase) => {
        const part = make('i');
        part.style.height = `${(100 * (seconds[phase] ?? 0)) / highest}%`;
        part.style.background = color(phase);
        return part;
      }),
    );
  });
  const legend = phases.map((phase) => {
    const key = make('span', { className: 'key' });
    key.style.background = color(phase);
    return make('span', {}, key, `${phase} ${(100 * shareOf(phase)).toFixed(1)} %`);
  });
  return make(
    'div',
    { className: 'card time' },
    make('div', { className: 'bars' }, ...columns),
    make(
      'p',
      { className: 'hint' },
      `steps ${bars[0]!.fromStep} – ${bars.at(-1)!.toStep}, at most ${shortNumber(highest)} s each`,
    ), // there is one
    make('p', { className: 'legend' }, ...legend),
  );
}
