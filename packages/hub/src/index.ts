export type { DownloadProgress, OnDownloadProgress } from './download-progress.ts';
export { HubAccessError, HubDownloadError, type HubDownloadFailure, HubNotFoundError } from './errors.ts';
export { fetchSnapshot, type Selection } from './fetch-snapshot.ts';
export type { HubKind } from './hub-fetch.ts';
export type { HubOptions } from './hub-settings.ts';
export { downloadLines } from './progress-line.ts';
export { type NamedRepository, parseRepositoryName } from './repository-name.ts';
