import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Server-sent events, no faster than the client reads them. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  }

  /** @throws the reason of `signal` when the client has gone while it was to be waited for. */
  async send(data: object | '[DONE]', signal: AbortSignal): Promise<void> {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    if (!this.#response.write(`data: ${text}\n\n`)) await once(this.#response, 'drain', { signal });
  }

  end(): void {
    this.#response.end();
  }
}
