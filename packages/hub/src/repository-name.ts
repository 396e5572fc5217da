import type { HubKind } from './hub-fetch.ts';

/** What stands before a name to say what it is, as in fsspec's addresses. */
const PREFIX = { model: '', dataset: 'datasets/' } satisfies Record<HubKind, string>;

const NAME = String.raw`[\w-](?:[\w.-]*[\w-])?\/[\w-](?:[\w.-]*[\w-])?`;

/** A branch or tag such as `main` or `refs/pr/1`; no way out of the folder of refs. */
const REVISION = /^(?!.*\.\.)[\w-][\w./-]*$/;

/** A repository as a person writes it. */
export interface NamedRepository {
  /** `owner/name`. */
  readonly name: string;
  readonly revision: string | undefined;
  /** It was written as an address, so it is no folder. */
  readonly isAddress: boolean;
}

/**
 * Reads `owner/name`, or the address `hf://owner/name@revision`, which can be nothing else; that of a data set is
 * `hf://datasets/owner/name@revision`. `undefined` for what is neither.
 */
export function parseRepositoryName(text: string, kind: HubKind): NamedRepository | undefined {
  const plain = new RegExp(`^${NAME}$`).exec(text);
  if (plain !== null) return { name: text, revision: undefined, isAddress: false };
  const { name, revision } =
    new RegExp(`^hf://${PREFIX[kind]}(?<name>${NAME})(?:@(?<revision>.+))?$`).exec(text)?.groups ?? {};
  return name === undefined ? undefined : { name, revision, isAddress: true };
}

/** @throws {RangeError} when no branch, tag or commit can have that name */
export function checkRevision(revision: string): void {
  if (!REVISION.test(revision))
    throw new RangeError(`${JSON.stringify(revision)} is no revision: give a branch, a tag or a commit.`);
}
