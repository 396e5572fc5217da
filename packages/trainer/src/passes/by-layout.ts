/** Opens sessions for micro-batches with shared prefixes, or for those without. */
type Open<Opened> = (sharedPrefix: boolean) => Promise<Opened>;

/**
 * The sessions for either layout of micro-batches: those with shared prefixes at once, so that a device that is missing is known
 * early, and those without when the first such batch comes.
 */
export class ByLayout<Opened extends AsyncDisposable> implements AsyncDisposable {
  readonly #open: Open<Opened>;
  readonly #prefixed: Opened;
  #plain: Promise<Opened> | undefined;

  private constructor(open: Open<Opened>, prefixed: Opened) {
    this.#open = open;
    this.#prefixed = prefixed;
  }

  static async open<Opened extends AsyncDisposable>(open: Open<Opened>): Promise<ByLayout<Opened>> {
    return new ByLayout(open, await open(true));
  }

  of(sharedPrefix: boolean): Promise<Opened> {
    if (sharedPrefix) return Promise.resolve(this.#prefixed);
    this.#plain ??= this.#open(false);
    return this.#plain;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prefixed[Symbol.asyncDispose]();
    await (await this.#plain?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}
