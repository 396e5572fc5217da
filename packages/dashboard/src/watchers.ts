import type { ServerResponse } from 'node:http';

/** Those who wait for news, as server-sent events. While there are any, `look` is called again and again. */
export class Watchers {
  readonly #look: () => unknown;
  readonly #intervalMs: number;
  readonly #responses = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;

  /** @param look - gives the news; `undefined` when there is none. */
  constructor(look: () => unknown, intervalMs: number) {
    this.#look = look;
    this.#intervalMs = intervalMs;
  }

  get size(): number {
    return this.#responses.size;
  }

  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': watching\n\n');
    this.#responses.add(response);
    this.#timer ??= setInterval(() => this.#tell(), this.#intervalMs).unref();
    response.on('close', () => {
      this.#responses.delete(response);
      if (this.size === 0) this.stop();
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    const news = this.#look();
    if (news === undefined) return;
    const message = `event: changed\ndata: ${JSON.stringify(news)}\n\n`;
    for (const response of this.#responses) response.write(message);
  }
}
