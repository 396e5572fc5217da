import { type ProgressState, progressBlock, progressLine } from './progress-lines.ts';
import { type Terminal, TerminalBlock } from './terminal-block.ts';

export interface ProgressOptions {
  /** @default process.stdout */
  readonly stream?: Terminal;
  /** Terminals beside the stream that others write to while a phase is shown. @default process.stdout and process.stderr */
  readonly shared?: readonly Terminal[];
  /** Milliseconds between lines where the output is no terminal. @default 5000 */
  readonly intervalMs?: number;
  /** @default performance.now */
  readonly now?: () => number;
  /** `NO_COLOR` and `TERM` are read of it. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Numbers of a trend that are kept. */
const KEPT = 200;
/** A terminal's block is renewed as often, so that the time left is that of now. */
const TICK_MS = 1000;

/** Shows how far a phase is: a block that renews itself in a terminal, a line every few seconds elsewhere. */
export class Progress {
  readonly #stream: Terminal;
  readonly #options: Required<Pick<ProgressOptions, 'shared' | 'intervalMs' | 'now' | 'env'>>;
  readonly #isTerminal: boolean;
  #phase = '';
  #total = 0;
  #doneBefore = 0;
  #startedMs = 0;
  #printedMs = -Infinity;
  #last:
    | { readonly done: number; readonly atMs: number; readonly fields: Readonly<Record<string, string>> }
    | undefined;
  readonly #trends = new Map<string, number[]>();
  #block: TerminalBlock | undefined;
  #tick: NodeJS.Timeout | undefined;

  constructor({
    stream = process.stdout,
    shared = [process.stdout, process.stderr],
    intervalMs = 5000,
    now = () => performance.now(),
    env = process.env,
  }: ProgressOptions = {}) {
    this.#stream = stream;
    this.#options = { shared, intervalMs, now, env };
    this.#isTerminal = stream.isTTY === true && env['TERM'] !== 'dumb';
  }

  /**
   * Starts a phase of at most `total` steps.
   *
   * @param done - steps that were taken before, which say nothing about how fast the others will be. @default 0
   */
  start(phase: string, total: number, done = 0): void {
    this.end();
    this.#phase = phase;
    this.#total = total;
    this.#doneBefore = done;
    this.#startedMs = this.#options.now();
    this.#printedMs = -Infinity;
    this.#last = undefined;
    this.#trends.clear();
  }

  /**
   * After step `done` of the phase (1, 2, …).
   *
   * @param fields - are shown as they are; absent ones are left out.
   * @param trends - numbers of this step that a terminal draws over the last steps, by the names of fields.
   */
  update(
    done: number,
    fields: Readonly<Record<string, string | undefined>>,
    trends: Readonly<Record<string, number | undefined>> = {},
  ): void {
    const shown = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
    this.#last = { done, atMs: this.#options.now(), fields: Object.fromEntries(shown) };
    for (const [name, value] of Object.entries(trends)) if (value !== undefined) this.#remember(name, value);
    if (this.#isTerminal) this.#draw();
    else this.#print();
  }

  /** A line of its own, above the progress. */
  note(text: string): void {
    if (this.#block === undefined) this.#stream.write(`${text}\n`);
    else this.#block.note(text);
  }

  /** Leaves what was shown last standing. */
  end(): void {
    clearInterval(this.#tick);
    this.#block?.close();
    this.#block = undefined;
  }

  get #state(): ProgressState | undefined {
    if (this.#last === undefined) return undefined;
    const { done, atMs, fields } = this.#last;
    const rate = ((done - this.#doneBefore) / (atMs - this.#startedMs)) * 1000;
    const secondsSince = (this.#options.now() - atMs) / 1000;
    return {
      phase: this.#phase,
      done,
      total: this.#total,
      rate,
      secondsLeft: Math.max(0, (this.#total - done) / rate - secondsSince),
      fields,
      trends: Object.fromEntries(this.#trends),
    };
  }

  #remember(name: string, value: number): void {
    const values = this.#trends.get(name) ?? [];
    values.push(value);
    if (values.length > KEPT) values.shift();
    this.#trends.set(name, values);
  }

  #print(): void {
    const state = this.#state;
    const now = this.#options.now();
    if (state === undefined) return;
    if (now - this.#printedMs < this.#options.intervalMs && state.done < state.total) return;
    this.#printedMs = now;
    this.#stream.write(`${progressLine(state)}\n`);
  }

  #draw(): void {
    const state = this.#state;
    if (state === undefined) return;
    const { env, shared } = this.#options;
    if (this.#block === undefined) {
      const hasColor = (env['NO_COLOR'] ?? '') === '';
      this.#block = new TerminalBlock(this.#stream, { hasColor, shared: [this.#stream, ...shared] });
      this.#tick = setInterval(() => this.#draw(), TICK_MS);
      this.#tick.unref();
    }
    // The last column stays free: a full line would be followed by an empty one in some terminals.
    this.#block.draw(progressBlock(state, (this.#stream.columns ?? 80) - 1));
  }
}
