import type { LocalProcess } from '../process/local-process.ts';
import { PortLine } from './port-line.ts';

/** Takes what is sent to a port. Resolves when it was received; with `false` when nobody will. */
export type Inbox = (isValue: boolean, value: unknown) => Promise<boolean>;

/** The ports that were opened in this process, and those that it sends to. */
export class Ports {
  readonly #process: LocalProcess;
  readonly #inboxes = new Map<number, Inbox>();
  /** By process and port, while something is under way. */
  readonly #lines = new Map<string, PortLine>();

  constructor(process: LocalProcess) {
    this.#process = process;
  }

  /** The number of a new port. */
  open(inbox: Inbox): number {
    const port = this.#process.count();
    this.#inboxes.set(port, inbox);
    return port;
  }

  close(port: number): void {
    this.#inboxes.delete(port);
  }

  /** Something was sent to a port of this process. */
  async take(port: number, isValue: boolean, value: unknown): Promise<boolean> {
    return (await this.#inboxes.get(port)?.(isValue, value)) ?? false;
  }

  /** @throws {OverflowError} when too much waits already for a port. */
  checkRoom(node: string, port: number): void {
    this.#lines.get(`${node}/${port}`)?.checkRoom();
  }

  /** The line to a port of any process. There is one, so that what this process sends arrives in order. */
  line(node: string, port: number): PortLine {
    const key = `${node}/${port}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = new PortLine(this.#process, node, () => this.#lines.delete(key));
      this.#lines.set(key, line);
    }
    return line;
  }
}
