import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.ts';

/** Refuses requests that do not bear one of the keys; without keys everybody may ask. */
export function accessCheck(keys: readonly string[]): (request: IncomingMessage) => void {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const known = keys.map(digest);
  return ({ headers }) => {
    if (known.length === 0) return;
    const given = digest(headers.authorization?.replace(/^Bearer /, '') ?? '');
    // All keys are compared, in constant time, so that the time of an answer tells nothing.
    const matches = known.filter((key) => timingSafeEqual(key, given));
    if (matches.length > 0) return;
    const problem = headers.authorization === undefined ? 'is missing' : 'is not one that this server knows';
    throw new ApiError(401, 'invalid_api_key', `The API key ${problem}. Send "Authorization: Bearer <key>".`);
  };
}
