import type { Located, LocatedTensor, Refusal } from './batch.ts';
import type { Entry, Holdings } from './holdings.ts';
import { held } from './holdings.ts';
import { KeyIndex } from './key-index.ts';
import { type Pending, partsByKey } from './pending.ts';
import type { Retention } from './retention.ts';
import { type Structure, storedKeys } from './state-dict.ts';

/** What one put made visible under its name. */
export interface Commit {
  readonly name: string;
  readonly generation: number;
  readonly version: number | undefined;
  readonly structure: Structure | undefined;
  readonly entries: Map<string, Entry>;
  /** Its entries stay while it is kept, also when newer puts have replaced them. */
  readonly holds: boolean;
}

/**
 * What is visible, and the older generations that are kept beside it.
 *
 *   visible: key ──▶ Entry ◀── Commit :kept        an Entry goes when neither of them, no read and no lease holds it
 */
export class Catalog {
  readonly #visible = new KeyIndex<Entry>();
  readonly #commits = new KeyIndex<Commit[]>();
  readonly #holdings: Holdings;
  readonly #retention: Retention;
  #lastGeneration = 0;

  constructor(holdings: Holdings, retention: Retention) {
    this.#holdings = holdings;
    this.#retention = retention;
  }

  get size(): number {
    return this.#visible.size;
  }

  /** The number of the newest put that became visible. */
  get lastGeneration(): number {
    return this.#lastGeneration;
  }

  get(key: string): Entry | undefined {
    return this.#visible.get(key);
  }

  /** Visible entries whose keys a prefix covers. */
  *entries(prefix?: string): Generator<Entry> {
    for (const [, entry] of this.#visible.entries(prefix)) yield entry;
  }

  keys(prefix?: string): Generator<string> {
    return this.#visible.keys(prefix);
  }

  /** Commits of a name that can be read, oldest first. */
  commits(name: string): readonly Commit[] {
    return this.#commits.get(name) ?? [];
  }

  /** The state dict that a name holds. */
  structure(name: string): Structure | undefined {
    return this.commits(name).findLast(({ structure }) => structure !== undefined)?.structure;
  }

  /** The version that is visible under a name, or under a key of what is put there. */
  visibleVersion(name: string): number | undefined {
    return this.commits(name).at(-1)?.version ?? this.#visible.get(name)?.located.version;
  }

  /** Why a version comes too late for one of the names; undefined when it does not. */
  staleness(version: number | undefined, names: readonly string[]): Extract<Refusal, { status: 'stale' }> | undefined {
    if (version === undefined) return undefined;
    for (const key of names) {
      const visibleVersion = this.visibleVersion(key);
      if (visibleVersion !== undefined && version <= visibleVersion) return { status: 'stale', key, visibleVersion };
    }
    return undefined;
  }

  /** Makes a complete put visible, in place of what its keys held. */
  show({ name, version, structure, parts, objects }: Pending): number {
    this.#lastGeneration += 1;
    const generation = this.#lastGeneration;
    const entries = new Map<string, Entry>();
    const add = (located: Entry['located']) => entries.set(located.key, { located, uses: 0 });
    for (const [key, own] of partsByKey(parts)) {
      const { dtype, globalShape: shape } = own[0]!; // a group has at least one
      const tensor: LocatedTensor = { key, generation, version, dtype, shape, parts: held(own) };
      add(tensor);
    }
    for (const { key, bytes } of objects) add({ key, generation, version, bytes });
    for (const [key, entry] of entries) {
      this.#holdings.hold(entry);
      this.retire(key);
      this.#visible.set(key, entry);
    }
    const replaced = structure === undefined ? undefined : this.structure(name);
    if (replaced !== undefined) for (const key of storedKeys(replaced)) if (!entries.has(key)) this.retire(key);
    const commit = { generation, version, structure };
    if (structure !== undefined) this.#record({ ...commit, name, entries });
    // What was put without a common name is kept key by key.
    else for (const [key, entry] of entries) this.#record({ ...commit, name: key, entries: new Map([[key, entry]]) });
    this.#dropOldVersions(name);
    return generation;
  }

  #record(commit: Omit<Commit, 'holds'>): void {
    const { name, entries, structure } = commit;
    const keepLast = this.#retention.keepLast(name);
    const holds = keepLast > 1;
    if (!holds && structure === undefined) return;
    if (holds) for (const entry of entries.values()) this.#holdings.hold(entry);
    const commits = [...this.commits(name), { ...commit, holds }];
    const surplus = commits.splice(0, Math.max(0, commits.length - keepLast));
    this.#commits.set(name, commits);
    for (const old of surplus) this.#letGo(old);
  }

  #letGo({ holds, entries }: Commit): void {
    if (holds) for (const entry of entries.values()) this.#holdings.drop(entry);
  }

  /** The prefix of a family goes when enough newer ones are there; the one that is being put never does. */
  #dropOldVersions(name: string): void {
    const own = this.#retention.versionedPrefix(name);
    if (own === undefined) return;
    for (const { prefix } of this.#versions(own.family).slice(0, -own.keepLast))
      if (prefix !== own.prefix) this.removePrefix(prefix);
  }

  #versions(family: string) {
    const found = new Map<string, { readonly prefix: string; readonly version: number; readonly generation: number }>();
    for (const component of this.#visible.roots()) {
      const each = this.#retention.versionedPrefix(component);
      if (each?.family !== family) continue;
      const [first] = this.entries(each.prefix);
      found.set(each.prefix, { ...each, generation: first?.located.generation ?? 0 });
    }
    return [...found.values()].sort((a, b) => a.version - b.version);
  }

  /** Takes the visible generation of a key away. */
  retire(key: string): boolean {
    const entry = this.#visible.get(key);
    if (entry === undefined) return false;
    this.#visible.delete(key);
    this.#holdings.drop(entry);
    return true;
  }

  /** Takes all generations of a key away; leases and reads that hold one keep it. */
  remove(key: string): boolean {
    const components = key.split('.');
    for (const depth of components.keys()) {
      for (const { entries, holds } of this.commits(components.slice(0, depth + 1).join('.'))) {
        const entry = entries.get(key);
        if (entry === undefined) continue;
        entries.delete(key);
        if (holds) this.#holdings.drop(entry);
      }
    }
    return this.retire(key);
  }

  /** Takes everything below a prefix away; returns how many keys went. */
  removePrefix(prefix: string): number {
    const keys = [...this.#visible.keys(prefix)];
    for (const key of keys) this.retire(key);
    for (const [name, commits] of [...this.#commits.entries(prefix)]) {
      this.#commits.delete(name);
      for (const commit of commits) this.#letGo(commit);
    }
    return keys.length;
  }

  /**
   * Takes the oldest generation away that is kept beside a newer one and that nobody reads or leases.
   * @returns false when there is none
   */
  evictOldest(): boolean {
    const candidates: { readonly generation: number; readonly evict: () => void }[] = [];
    for (const [name, commits] of this.#commits.entries()) {
      const oldest = commits.slice(0, -1).find(({ entries }) => isIdle(entries.values(), 1));
      if (oldest === undefined) continue;
      candidates.push({ generation: oldest.generation, evict: () => this.#evict(name, oldest) });
    }
    for (const family of this.#retention.families) {
      for (const { prefix, generation } of this.#versions(family).slice(0, -1)) {
        if (!isIdle(this.entries(prefix), 2)) continue;
        candidates.push({ generation, evict: () => void this.removePrefix(prefix) });
      }
    }
    const first = candidates.sort((a, b) => a.generation - b.generation)[0];
    first?.evict();
    return first !== undefined;
  }

  #evict(name: string, commit: Commit): void {
    this.#commits.set(
      name,
      this.commits(name).filter((each) => each !== commit),
    );
    this.#letGo(commit);
  }

  /** Every entry once, visible or kept. */
  all(): Set<Entry> {
    const found = new Set(this.entries());
    for (const [, commits] of this.#commits.entries())
      for (const { entries, holds } of commits) if (holds) for (const entry of entries.values()) found.add(entry);
    return found;
  }
}

/** Whether nothing but the catalog, which holds each at most so often, holds any of the entries. */
function isIdle(entries: Iterable<Entry>, ownUses: number): boolean {
  for (const { uses } of entries) if (uses > ownUses) return false;
  return true;
}

/** The newest generation among what was located. */
export function newestOf(located: readonly Located[]): Located | undefined {
  return located.reduce<Located | undefined>(
    (newest, each) => (newest === undefined || each.generation > newest.generation ? each : newest),
    undefined,
  );
}
