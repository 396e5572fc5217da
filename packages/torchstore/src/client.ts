import type { ActorMesh } from '@forge/monarch';
import type { Batch, CommitOutcome, Located } from './batch.ts';
import { concurrently } from './concurrently.ts';
import type { Controller } from './controller.ts';
import {
  CoverageError,
  IncompleteError,
  KeyNotFoundError,
  MismatchError,
  StoreClosedError,
  VersionConflictError,
  VolumeUnavailableError,
} from './errors.ts';
import { planFetches, type Wish } from './fetch.ts';
import { type Package, packPieces } from './pack.ts';
import { Session, type SessionOptions } from './session.ts';
import type { Piece } from './sharded-tensor.ts';
import type { TransportKind, VolumeAddress } from './transport/transport.ts';

/** What a batch says beside its pieces; the client adds the rest. */
export interface Draft extends Pick<Batch, 'name' | 'digest' | 'participant' | 'version' | 'structure'> {
  readonly pieces: readonly Piece[];
}

/** Where a client finds its store. */
export interface ClientAddress {
  readonly controller: ActorMesh<Controller, never>;
  readonly volumes: readonly VolumeAddress[];
}

/** A found answer of the controller. */
export type Found = Extract<Located, { readonly status: 'found' }>;

/** A connection may break this often during one operation before the caller hears of it. */
const maxAttempts = 3;
/** Segments written at the same time. */
const maxOpenSegments = 2;

/** Moves pieces between this process and a store: writes then commits, locates then reads. */
export class Client implements Disposable {
  readonly #address: ClientAddress;
  readonly #options: SessionOptions;
  #session: Session | undefined;
  #isClosed = false;

  constructor(address: ClientAddress, options: SessionOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Asks the controller. @throws {StoreClosedError} when this client or the store has ended. */
  async ask<T>(question: (controller: ActorMesh<Controller, never>) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new StoreClosedError();
    try {
      return await question(this.#address.controller);
    } catch (cause) {
      const isGone = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MONARCH_MESH';
      throw isGone ? new StoreClosedError({ cause }) : cause;
    }
  }

  /** Writes pieces and commits them. When this rejects, nothing of them is or becomes visible. */
  async put(draft: Draft): Promise<void> {
    await this.#attempt(async (session) => {
      const { pieces, ...rest } = draft;
      const { volume, transport } = await session.home(draft.participant?.rank ?? 0);
      const skipReplicas = this.#address.volumes.length === 1;
      const { packages, parts } = packPieces(pieces, {
        volume,
        nextSegment: () => session.nextSegment(),
        skipReplicas,
      });
      try {
        await concurrently(packages, maxOpenSegments, ({ segment, buffers }: Package) =>
          transport.write(segment, buffers),
        );
      } catch (error) {
        session[Symbol.dispose](); // the volume removes what an ended session did not commit
        throw error;
      }
      const batch: Batch = { ...rest, session: session.id, parts };
      checkOutcome(await this.ask((controller) => controller.commit.callOne(batch)), batch);
    });
  }

  /** Pins what `question` locates, has `wishesOf` choose from it, and fills the targets of the wishes. */
  async read<T extends { readonly wishes: readonly Wish[] }>(
    question: (controller: ActorMesh<Controller, never>, session: string) => Promise<Located>,
    wishesOf: (found: Found) => T,
  ): Promise<T> {
    return this.#attempt(async (session) => {
      await session.home(0); // the pin lives as long as this connection
      const found = checkLocated(await this.ask((controller) => question(controller, session.id)));
      try {
        const chosen = wishesOf(found);
        const volumes = new Set(found.tensors.flatMap(({ parts }) => parts.map(({ place }) => place.volume)));
        const near = new Set<string>();
        for (const volume of volumes) if ((await session.transportTo(volume)) === 'tmpfs') near.add(volume);
        const fetches = planFetches(chosen.wishes, (volume) => near.has(volume));
        await Promise.all([...fetches].map(async ([volume, own]) => (await session.link(volume)).transport.read(own)));
        return chosen;
      } finally {
        this.#address.controller.release.broadcast(found.pin);
      }
    });
  }

  /** How this process reaches a volume. */
  async transportTo(volume: string): Promise<TransportKind> {
    return this.#currentSession().transportTo(volume);
  }

  #currentSession(): Session {
    if (this.#isClosed) throw new StoreClosedError();
    if (this.#session === undefined || this.#session.isEnded)
      this.#session = new Session(this.#address.volumes, this.#options);
    return this.#session;
  }

  /** Runs an operation again in a new session when the connection broke under it: its effects ended with the session. */
  async #attempt<T>(operation: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const session = this.#currentSession();
      try {
        return await operation(session);
      } catch (error) {
        if (this.#isClosed) throw new StoreClosedError({ cause: error });
        const isLost = session.isEnded && error instanceof VolumeUnavailableError;
        if (!isLost) throw error;
        await this.ask((controller) => controller.isOpen.callOne()); // a volume that went with its store
        if (attempt >= maxAttempts) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#session?.[Symbol.dispose]();
  }
}

function checkLocated(located: Located): Found {
  switch (located.status) {
    case 'found':
      return located;
    case 'missing':
      throw new KeyNotFoundError(located.key, located.nearest);
    case 'incomplete':
      throw new IncompleteError(located.key, located.missingRanks);
    case 'sessionEnded':
      throw new VolumeUnavailableError('of this session', 'the connection to it was lost');
  }
}

function checkOutcome(outcome: CommitOutcome, { name, version = 0 }: Batch): void {
  switch (outcome.status) {
    case 'visible':
    case 'pending':
      return;
    case 'stale':
      throw new VersionConflictError(outcome.key, { version, visibleVersion: outcome.visibleVersion });
    case 'mismatch':
      throw new MismatchError(outcome.key, outcome);
    case 'uncovered':
      throw new CoverageError(outcome.key, outcome.uncovered);
    case 'tooFarAhead':
      throw new IncompleteError(name, outcome.missingRanks);
    case 'sessionEnded':
      throw new VolumeUnavailableError('of this session', 'the connection to it was lost');
  }
}
