import type * as Crypto from 'node:crypto';

/** `node:crypto`. An import of it loads all of Web Crypto as well: a tenth of the start of a process. */
export function nodeCrypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto');
}
