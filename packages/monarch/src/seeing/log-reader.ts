import type { LogLine } from './log-line.ts';

/** What a slow reader may leave unread; beyond either, the oldest lines are dropped and counted. */
const MAX_UNREAD_LINES = 10_000;
const MAX_UNREAD_CHARS = 16 * 2 ** 20;

/** Lines as one reader takes them. */
export class LogReader implements AsyncIterableIterator<LogLine, undefined> {
  readonly #onReturn: () => void;
  readonly #unread: LogLine[] = [];
  readonly #waiting: ((result: IteratorResult<LogLine, undefined>) => void)[] = [];
  #unreadChars = 0;
  #dropped = 0;
  #ended = false;

  /** `onReturn` is told when the reader leaves early. */
  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  add(line: LogLine): void {
    if (this.#ended) return;
    this.#unread.push(line);
    this.#unreadChars += line.text.length;
    while (this.#unread.length > MAX_UNREAD_LINES || this.#unreadChars > MAX_UNREAD_CHARS) this.#drop();
    this.#match();
  }

  /** No more lines come; what is unread can still be read. */
  end(): void {
    this.#ended = true;
    this.#match();
  }

  async next(): Promise<IteratorResult<LogLine, undefined>> {
    return await new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#match();
    });
  }

  async return(): Promise<IteratorResult<LogLine, undefined>> {
    this.#unread.length = 0;
    this.end();
    this.#onReturn();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #drop(): void {
    const oldest = this.#unread.shift();
    if (oldest === undefined) return;
    this.#unreadChars -= oldest.text.length;
    this.#dropped += oldest.count;
  }

  #match(): void {
    while (this.#waiting.length > 0 && (this.#ended || this.#unread.length > 0)) {
      const line = this.#unread.shift();
      const resolve = this.#waiting.shift();
      if (line === undefined) {
        resolve?.({ done: true, value: undefined });
        continue;
      }
      this.#unreadChars -= line.text.length;
      resolve?.({ done: false, value: { ...line, dropped: this.#dropped } });
      this.#dropped = 0;
    }
  }
}
