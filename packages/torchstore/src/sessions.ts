/** Ended sessions that are remembered: a late message of an older one finds nothing of it, and its writes have no folder. */
const maxEnded = 100_000;

/** Which clients live, told by the volumes that they are connected to. */
export class Sessions {
  readonly #witnesses = new Map<string, Set<string>>();
  readonly #ended = new Set<string>();
  readonly #lostVolumes = new Set<string>();

  get count(): number {
    return this.#witnesses.size;
  }

  get lostVolumes(): readonly string[] {
    return [...this.#lostVolumes];
  }

  /** Registers a connection; false when the session has ended or the volume is lost, so nobody would tell of its end. */
  open(session: string, volume: string): boolean {
    if (this.#ended.has(session) || this.#lostVolumes.has(volume)) return false;
    const witnesses = this.#witnesses.get(session) ?? new Set();
    witnesses.add(volume);
    this.#witnesses.set(session, witnesses);
    return true;
  }

  hasEnded(session: string): boolean {
    return this.#ended.has(session);
  }

  end(session: string): void {
    this.#witnesses.delete(session);
    this.#ended.add(session);
    const [oldest] = this.#ended;
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#ended.delete(oldest);
  }

  isLost(volume: string): boolean {
    return this.#lostVolumes.has(volume);
  }

  /** Remembers that a volume died; returns the sessions that had a connection to it. */
  loseVolume(volume: string): string[] {
    this.#lostVolumes.add(volume);
    return [...this.#witnesses].filter(([, volumes]) => volumes.has(volume)).map(([session]) => session);
  }
}
