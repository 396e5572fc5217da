import { covers } from './key-index.ts';

/** How many generations are kept, and of what. */
export type RetentionRule =
  /** Of every key and state dict that this prefix covers, the last `keepLast` generations stay readable by lease or version. */
  | { readonly prefix: string; readonly keepLast: number }
  /** Of the prefixes that begin so and end in a number (`policy_ver_` and 0000000007), the `keepLast` highest stay. */
  | { readonly versionsOf: string; readonly keepLast: number };

/** A prefix that carries its version in its name. */
export interface VersionedPrefix {
  readonly family: string;
  readonly prefix: string;
  readonly version: number;
  readonly keepLast: number;
}

/** What is kept beside the newest generation. */
export class Retention {
  readonly #byName: readonly { readonly prefix: string; readonly keepLast: number }[];
  readonly #families: readonly { readonly versionsOf: string; readonly keepLast: number }[];

  /** @throws RangeError when a rule keeps less than one generation. */
  constructor(rules: readonly RetentionRule[] = []) {
    for (const { keepLast } of rules) {
      if (!Number.isSafeInteger(keepLast) || keepLast < 1)
        throw new RangeError(`A rule of retention keeps ${keepLast} generations; it must keep at least 1.`);
    }
    // The longest prefix that covers a name decides.
    this.#byName = rules
      .flatMap((rule) => ('prefix' in rule ? [rule] : []))
      .toSorted((a, b) => b.prefix.length - a.prefix.length);
    this.#families = rules.flatMap((rule) => ('versionsOf' in rule ? [rule] : []));
  }

  /** The beginnings of prefixes that carry versions. */
  get families(): string[] {
    return this.#families.map(({ versionsOf }) => versionsOf);
  }

  /** How many generations of a name are kept. */
  keepLast(name: string): number {
    return this.#byName.find(({ prefix }) => covers(prefix, name))?.keepLast ?? 1;
  }

  /** The prefix with a version that a name lies in; undefined when no rule has it. */
  versionedPrefix(name: string): VersionedPrefix | undefined {
    for (const { versionsOf, keepLast } of this.#families) {
      if (!name.startsWith(versionsOf)) continue;
      const digits = /^\d+(?=\.|$)/.exec(name.slice(versionsOf.length))?.[0];
      if (digits === undefined) continue;
      return { family: versionsOf, prefix: versionsOf + digits, version: Number(digits), keepLast };
    }
    return undefined;
  }
}
