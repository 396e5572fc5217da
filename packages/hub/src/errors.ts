/** The hub has no such repository, revision or file, or does not show it to this user. */
export class HubNotFoundError extends Error {
  override readonly name = 'HubNotFoundError';
  readonly code = 'ERR_HUB_NOT_FOUND';
  /** As it was asked for. */
  readonly repository: string;

  constructor(failure: { repository: string; what: string; cause?: unknown }) {
    super(`${failure.repository} ${failure.what}.`, { cause: failure.cause });
    this.repository = failure.repository;
  }
}

/** A repository is gated or private and the token, if there is one, does not open it. */
export class HubAccessError extends Error {
  override readonly name = 'HubAccessError';
  readonly code = 'ERR_HUB_ACCESS';
  readonly repository: string;
  /** Of the hub's answer, 401 or 403. */
  readonly status: number;

  constructor(failure: { repository: string; status: number; what: string; cause?: unknown }) {
    super(`${failure.repository}: ${failure.what}`, { cause: failure.cause });
    this.repository = failure.repository;
    this.status = failure.status;
  }
}

/**
 * Why files are not here: the hub cannot be reached or is not to be, refuses the request, a file is not what the
 * hub says it is, there is no room for it, or it cannot be written.
 */
export type HubDownloadFailure = 'unreachable' | 'offline' | 'refused' | 'damaged' | 'diskFull' | 'unwritable';

/** Files could not be downloaded; what arrived intact is kept, and the next attempt goes on from there. */
export class HubDownloadError extends Error {
  override readonly name = 'HubDownloadError';
  readonly code = 'ERR_HUB_DOWNLOAD';
  readonly repository: string;
  readonly reason: HubDownloadFailure;

  constructor(failure: { repository: string; reason: HubDownloadFailure; what: string; cause?: unknown }) {
    super(`${failure.repository}: ${failure.what}`, { cause: failure.cause });
    this.repository = failure.repository;
    this.reason = failure.reason;
  }
}
