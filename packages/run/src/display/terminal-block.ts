import type { Span } from './progress-lines.ts';

/** A terminal to write to. */
export interface Terminal {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const CODES = { dim: '\x1b[2m', bold: '\x1b[1m', bar: '\x1b[32m', trend: '\x1b[36m' } as const;
const RESET = '\x1b[0m';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export interface TerminalBlockOptions {
  readonly hasColor: boolean;
  /** Terminals that others write to: what they write comes above the block. @default the terminal alone */
  readonly shared?: readonly Terminal[];
}

/** Some lines at the end of a terminal that are renewed in place, in one write, while other text scrolls by above them. */
export class TerminalBlock {
  readonly #terminal: Terminal;
  readonly #hasColor: boolean;
  readonly #write: (text: string) => void;
  readonly #giveBack: () => void;
  #lines: readonly (readonly Span[])[] = [];
  /** The block is on the screen, and the cursor at the end of its last line. */
  #isShown = false;
  /** Others are in the middle of a line. */
  #isInterrupted = false;

  constructor(terminal: Terminal, { hasColor, shared = [terminal] }: TerminalBlockOptions) {
    this.#terminal = terminal;
    this.#hasColor = hasColor;
    const write = terminal.write;
    this.#write = (text) => write.call(terminal, text);
    const others = [...new Set(shared)].filter(({ isTTY }) => isTTY).map((each) => this.#intercept(each));
    this.#giveBack = () => {
      for (const giveBack of others) giveBack();
    };
  }

  /** Shows these lines in place of those before. */
  draw(lines: readonly (readonly Span[])[]): void {
    const up = this.#isShown ? this.#rise() : '';
    this.#lines = lines;
    if (this.#isInterrupted) return;
    const painted = lines.map((line) => `${this.#paint(line)}${CLEAR_LINE_END}`);
    this.#write(`${up}${painted.join('\n')}${CLEAR_BELOW}`);
    this.#isShown = true;
  }

  /** Writes lines above the block. */
  note(text: string): void {
    this.#above(() => this.#write(`${text}\n`));
  }

  /** Leaves the block where it is and goes below it. */
  close(): void {
    this.#giveBack();
    if (this.#isShown) this.#write('\n');
    this.#isShown = false;
  }

  #above(write: () => void): void {
    if (this.#isShown) this.#write(`${this.#rise()}${CLEAR_BELOW}`);
    this.#isShown = false;
    write();
    if (this.#lines.length > 0) this.draw(this.#lines);
  }

  /** From the end of the block to its begin. A terminal that has become narrower since has wrapped its lines. */
  #rise(): string {
    const columns = Math.max(1, this.#terminal.columns ?? 80);
    const rows = this.#lines.map((line) => Math.max(1, Math.ceil(widthOf(line) / columns)));
    const up = rows.reduce((sum, count) => sum + count, 0) - 1;
    return `\r${up > 0 ? `\x1b[${up}A` : ''}`;
  }

  #paint(line: readonly Span[]): string {
    return line.map(({ text, style }) => (style && this.#hasColor ? `${CODES[style]}${text}${RESET}` : text)).join('');
  }

  /** Lets what others write come above the block. @returns what undoes it */
  #intercept(stream: Terminal): () => void {
    const original = stream.write;
    const isOwn = Object.hasOwn(stream, 'write');
    stream.write = (...args: [text: string | Uint8Array]) => {
      let result: unknown;
      this.#above(() => {
        result = original.apply(stream, args);
        this.#isInterrupted = !endsLine(args[0]);
      });
      return result;
    };
    return () => {
      if (isOwn) stream.write = original;
      else Reflect.deleteProperty(stream, 'write');
    };
  }
}

const widthOf = (line: readonly Span[]) => line.reduce((sum, { text }) => sum + text.length, 0);
const endsLine = (text: string | Uint8Array) =>
  text.length === 0 || (typeof text === 'string' ? text.endsWith('\n') : text.at(-1) === 10);
