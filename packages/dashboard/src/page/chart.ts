import uPlot from 'uplot';
import type { Series } from './api.ts';
import { make } from './dom.ts';
import { duration, shortNumber, smooth } from './format.ts';
import { colorOf, shownRuns, state } from './state.ts';

const HEIGHT = 186;
const cursors = uPlot.sync('charts');

/** The plot of one metric, a line a run. */
export class Chart {
  readonly metric: string;
  readonly element: HTMLElement;
  /** It is in sight. */
  isSeen = false;
  readonly #value = make('span');
  readonly #area = make('div');
  readonly #onZoom: (from: number, to: number) => void;
  #plot: uPlot | undefined;
  #runs: readonly string[] = [];

  constructor(metric: string, onZoom: (from: number, to: number) => void) {
    this.metric = metric;
    this.#onZoom = onZoom;
    this.element = make('article', { className: 'chart' }, make('h3', {}, metric, this.#value), this.#area);
    this.element.dataset['metric'] = metric;
  }

  /** Columns of the picture. */
  get columns(): number {
    return Math.max(100, Math.round(this.#area.clientWidth));
  }

  show(lines: ReadonlyMap<string, Series>): void {
    const drawn = [...lines].filter(([, { x }]) => x.length > 0);
    const data = uPlot.join(drawn.map(([, { x, y }]) => [[...x], smooth(y, state.smoothing)] as uPlot.AlignedData));
    const runs = drawn.map(([name]) => name);
    if (drawn.length === 0) {
      this.#clear();
      return;
    }
    if (this.#plot === undefined || runs.join() !== this.#runs.join() || this.#plot.width !== this.#area.clientWidth) {
      this.#clear();
      this.#runs = runs;
      this.#plot = new uPlot(this.#options(runs), data, this.#area);
    } else this.#plot.setData(data);
    this.#showValues();
  }

  #clear(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#value.textContent = '';
  }

  /** The numbers under the cursor, else the last. */
  #showValues(): void {
    const plot = this.#plot;
    if (plot === undefined) return;
    const { idx } = plot.cursor;
    const parts = this.#runs.map((name, i) => {
      const values = plot.data[i + 1]!; // the first are the places
      const value = valueBefore(values, idx ?? values.length - 1);
      const text = make('b', {}, value === undefined ? '–' : shortNumber(value));
      if (this.#runs.length > 1) text.style.color = colorOf(name);
      return text;
    });
    const x = idx === null || idx === undefined ? undefined : plot.data[0][idx];
    const at = x === undefined ? [] : [`${state.place === 'step' ? `step ${x}` : duration(x)}  `];
    this.#value.replaceChildren(...at, ...parts.flatMap((part, i) => (i === 0 ? [part] : [' ', part])));
  }

  #options(runs: readonly string[]): uPlot.Options {
    const css = getComputedStyle(document.documentElement);
    const color = (name: string) => resolved(css.getPropertyValue(name));
    const axis = {
      stroke: color('--mute'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui',
    };
    return {
      width: this.#area.clientWidth,
      height: HEIGHT,
      cursor: {
        sync: { key: cursors.key, setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
      },
      legend: { show: false },
      // All charts have the same x axis, so that one cursor means the same in all of them.
      scales: { x: { time: false, range: () => placeRange() } },
      axes: [
        {
          ...axis,
          size: 26,
          values: (_, ticks) => ticks.map((tick) => (state.place === 'step' ? shortNumber(tick) : duration(tick))),
        },
        { ...axis, size: 52, values: (_, ticks) => ticks.map(shortNumber) },
      ],
      series: [
        {},
        ...runs.map((name) => ({ stroke: colorOf(name), width: 1.5, spanGaps: true, points: { show: false } })),
      ],
      hooks: {
        setCursor: [() => this.#showValues()],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width > 4) this.#onZoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        draw: [(plot) => drawPhases(plot, color('--mute'))],
      },
    };
  }
}

/** The places that are shown. */
function placeRange(): [number, number] {
  if (state.window !== undefined) return [state.window.from, state.window.to];
  const ends = shownRuns().map(({ lastStep, wallSeconds }) => (state.place === 'step' ? lastStep : wallSeconds) ?? 0);
  return [0, Math.max(1, ...ends)];
}

/** Marks where the only run that is shown went over to another phase. */
function drawPhases(plot: uPlot, color: string): void {
  const shown = shownRuns();
  if (shown.length !== 1) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = color;
  ctx.setLineDash([3, 3]);
  ctx.textAlign = 'left';
  ctx.font = `${10 * devicePixelRatio}px system-ui`;
  for (const { phase, step, wallSeconds } of shown[0]!.phases.slice(1)) {
    const x = plot.valToPos(state.place === 'step' ? step : wallSeconds, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(phase, x + 4 * devicePixelRatio, bbox.top + 10 * devicePixelRatio);
  }
  ctx.restore();
}

function valueBefore(values: ArrayLike<number | null | undefined>, place: number): number | undefined {
  for (let i = place; i >= 0; i--) if (typeof values[i] === 'number') return values[i] as number;
  return undefined;
}

/** A colour that a canvas knows: `light-dark()` is only for style sheets. */
function resolved(color: string): string {
  const probe = make('i');
  probe.style.color = color;
  document.body.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return computed;
}
