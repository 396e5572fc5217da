import type { Absence, Answer, Leased, LeaseQuestion, LocatedTensor, Question } from './batch.ts';
import { type Catalog, newestOf } from './catalog.ts';
import { type Entry, isTensorEntry } from './holdings.ts';
import type { Leases } from './leases.ts';
import { nearestKeys, relatives } from './nearest-keys.ts';
import { fitsAnswer } from './pages.ts';
import type { Rendezvous } from './rendezvous.ts';
import { type Structure, storedKeys } from './state-dict.ts';

/** Entries that were found together. */
export interface Snapshot {
  readonly entries: readonly Entry[];
  readonly structure: Structure | undefined;
}

interface Numbers {
  readonly generation: number;
  readonly version: number | undefined;
}

/** Finds what readers ask for: all of it, or the reason why not. */
export class Lookup {
  readonly #catalog: Catalog;
  readonly #rendezvous: Rendezvous;
  readonly #leases: Leases;

  constructor(catalog: Catalog, rendezvous: Rendezvous, leases: Leases) {
    this.#catalog = catalog;
    this.#rendezvous = rendezvous;
    this.#leases = leases;
  }

  /** Finds everything that is asked for and, unless the answer has all bytes of it, pins it. */
  locate({ session, ...question }: Question): Answer {
    const found = this.find(question);
    if ('status' in found) return found;
    const { entries, structure } = found;
    const located = entries.map((entry) => entry.located);
    const tensors = located.filter(isTensorEntry);
    const objects = located.flatMap((each) => (isTensorEntry(each) ? [] : [each]));
    const pin = fitsAnswer(tensors) ? undefined : this.#leases.pin(session, entries);
    return { status: 'found', pin, tensors, objects, structure };
  }

  /** The tensors that a read has pinned, in the order in which they were found. */
  pinned(pin: number): readonly LocatedTensor[] {
    const located = this.#leases.pinned(pin).map((entry) => entry.located);
    return located.filter(isTensorEntry);
  }

  /** Finds what a lease is to hold, and holds it. */
  lease({ session, name, ...wanted }: LeaseQuestion): Leased | Absence {
    const isExact = wanted.generation !== undefined || wanted.version !== undefined;
    const found = isExact ? this.kept(name, wanted) : this.covered(name);
    if ('status' in found) return found;
    const entries = new Map(found.entries.map((entry) => [entry.located.key, entry]));
    const { id } = this.#leases.grant({ name, entries, structure: found.structure, session });
    const newest = newestOf(found.entries.map(({ located }) => located)) ?? this.#catalog.commits(name).at(-1);
    const { generation, version } = newest ?? { generation: 0, version: undefined }; // a state dict without tensors
    return { status: 'leased', lease: id, generation, version, keys: [...entries.keys()] };
  }

  /** What a question asks for. */
  find({ of, lease, version }: Omit<Question, 'session'>): Snapshot | Absence {
    if (lease !== undefined) return this.#leased(lease, of);
    if ('keys' in of) return this.#visible(of.keys);
    return version === undefined ? this.#below(of.name) : this.kept(of.name, { version });
  }

  #visible(keys: readonly string[]): Snapshot | Absence {
    const entries: Entry[] = [];
    for (const key of keys) {
      const entry = this.#catalog.get(key);
      if (entry === undefined) return this.#absence(key);
      entries.push(entry);
    }
    return { entries, structure: undefined };
  }

  /** What a state dict or a prefix holds. */
  #below(name: string): Snapshot | Absence {
    const structure = this.#catalog.structure(name);
    if (structure !== undefined) {
      const found = this.#visible([...new Set(storedKeys(structure))]);
      return 'status' in found ? found : { ...found, structure };
    }
    const entries = [...this.#catalog.entries(`${name}.`)];
    return entries.length === 0 ? this.#absence(name) : { entries, structure };
  }

  #leased(id: number, of: Question['of']): Snapshot | Absence {
    const lease = this.#leases.get(id);
    if (lease === undefined) return { status: 'leaseEnded', lease: id };
    const { structure } = lease;
    if ('name' in of) {
      const isOwn = of.name === lease.name;
      const below = isOwn
        ? [...lease.entries.keys()]
        : [...lease.entries.keys()].filter((key) => key.startsWith(`${of.name}.`));
      if (below.length === 0 && !(isOwn && structure !== undefined)) return this.#notLeased(of.name, lease.entries);
      const keys = isOwn && structure === undefined ? below.filter((key) => key !== of.name) : below;
      return { entries: keys.map((key) => lease.entries.get(key)!), structure: isOwn ? structure : undefined }; // keys of it
    }
    const entries: Entry[] = [];
    for (const key of of.keys) {
      const entry = lease.entries.get(key);
      if (entry === undefined) return this.#notLeased(key, lease.entries);
      entries.push(entry);
    }
    return { entries, structure: undefined };
  }

  #notLeased(key: string, entries: ReadonlyMap<string, Entry>): Absence {
    return { status: 'missing', key, nearest: nearestKeys(key, entries.keys()) };
  }

  /** The commit of a name that a reader asks for by its number. */
  kept(name: string, wanted: Pick<LeaseQuestion, 'generation' | 'version'>): Snapshot | Absence {
    const commits = this.#catalog.commits(name);
    const isWanted = ({ generation, version }: Numbers) =>
      wanted.version === undefined ? generation === wanted.generation : version === wanted.version;
    const commit = commits.findLast((each) => isWanted(each));
    const single = this.#catalog.get(name);
    // A name of which nothing is kept has only what is visible.
    if (commit === undefined && single !== undefined && isWanted(single.located))
      return { entries: [single], structure: undefined };
    // Kept in name only: newer puts of single keys have replaced parts of it.
    if (commit === undefined || [...commit.entries.values()].some(({ uses }) => uses === 0)) {
      if (commits.length === 0 && single === undefined) return this.#absence(name);
      const kept = [...commits, ...(single === undefined ? [] : [single.located])];
      const unique = new Map(kept.map(({ generation, version }) => [generation, { generation, version }]));
      const text = wanted.version === undefined ? `generation ${wanted.generation}` : `version ${wanted.version}`;
      return { status: 'gone', name, wanted: text, kept: [...unique.values()] };
    }
    return { entries: [...commit.entries.values()], structure: commit.structure };
  }

  /** The generation of the newest visible key that a name covers, if any is at least that new. */
  newestGeneration(name: string, minGeneration: number): number | undefined {
    const newest = newestOf([...this.#catalog.entries(name)].map(({ located }) => located))?.generation;
    return newest === undefined || newest < minGeneration ? undefined : newest;
  }

  #absence(key: string): Absence {
    const [oldest] = this.#rendezvous.named(key);
    if (oldest !== undefined) return { status: 'incomplete', key, missingRanks: oldest.missingRanks };
    const near = relatives(key, (prefix) => this.#catalog.keys(prefix));
    return { status: 'missing', key, nearest: nearestKeys(key, near) };
  }

  /** Everything visible that a name covers: the key, and what lies below it. */
  covered(name: string): Snapshot | Absence {
    const structure = this.#catalog.structure(name);
    const entries = [...this.#catalog.entries(name)];
    return entries.length === 0 && structure === undefined ? this.#absence(name) : { entries, structure };
  }
}
