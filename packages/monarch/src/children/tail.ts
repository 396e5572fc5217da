/** Lines of stderr that are kept of each process, to tell with its failure. */
const TAIL_LINES = 20;

/** The last lines of a stream. */
export class Tail {
  readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > TAIL_LINES) this.lines.shift();
  }
}
