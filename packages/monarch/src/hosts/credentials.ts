import { readFileSync, statSync } from 'node:fs';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { OptionError, reasonText } from '../errors.ts';
import { nodeCrypto } from '../program/node-crypto.ts';

/** How machines prove to each other that they belong together. Plain data: it travels to processes that dial others. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly key: Uint8Array }
  | { readonly kind: 'certificates'; readonly cert: string; readonly key: string; readonly ca: string };

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** Of the authority that signed the certificates of both sides. */
  readonly ca: string;
}

/** At most one of the three. */
export interface CredentialSources {
  readonly token?: string | undefined;
  /** Readable by its owner only. */
  readonly tokenFile?: string | undefined;
  readonly tls?: CertificateFiles | undefined;
}

/** Names the protocol, on the wire and in the derivation of keys. */
const IDENTITY = 'forge-monarch 1';
const MIN_TOKEN_LENGTH = 16;
const KEY_BYTES = 32;
/** The one cipher of TLS 1.3 to which OpenSSL binds a key given by a callback. */
const PSK_CIPHER = 'TLS_AES_128_GCM_SHA256';

/** Reads credentials. @throws {OptionError} */
export function readCredentials({ token, tokenFile, tls }: CredentialSources): Credentials {
  if ([token, tokenFile, tls].filter((source) => source !== undefined).length > 1) {
    throw new OptionError('token', 'a token and certificates exclude each other. Give one of them.');
  }
  if (token !== undefined) return tokenCredentials(token, 'token');
  if (tokenFile !== undefined) return tokenCredentials(readSecret(tokenFile, 'token-file').trim(), 'token-file');
  if (tls === undefined) return { kind: 'none' };
  const key = readSecret(tls.key, 'key');
  return { kind: 'certificates', key, cert: readText(tls.cert, 'cert'), ca: readText(tls.ca, 'ca') };
}

function tokenCredentials(token: string, option: string): Credentials {
  if (token.length < MIN_TOKEN_LENGTH) {
    const problem = `the token has ${token.length} characters, fewer than ${MIN_TOKEN_LENGTH}.`;
    throw new OptionError(option, `${problem} Make one with: openssl rand -hex 32`);
  }
  // Slow on purpose: who records a handshake must not be able to try many tokens. 40 ms, once a process.
  return {
    kind: 'token',
    key: new Uint8Array(nodeCrypto().scryptSync(token, IDENTITY, KEY_BYTES, { N: 2 ** 14, r: 8, p: 1 })),
  };
}

/** A file that nobody else may read, as ssh wants it of keys. */
function readSecret(path: string, option: string): string {
  const text = readText(path, option);
  const { mode } = statSync(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    throw new OptionError(option, `${path} may be read by others (mode ${shown}). Run: chmod 600 ${path}`);
  }
  return text;
}

function readText(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OptionError(option, `${path} cannot be read: ${reasonText(cause)}`, { cause });
  }
}

/** Options of a TLS server that takes these credentials and nothing else; `undefined`: plain. */
export function serverTls(credentials: Credentials): TlsOptions | undefined {
  if (credentials.kind === 'none') return undefined;
  const version = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
  if (credentials.kind === 'certificates') {
    const { cert, key, ca } = credentials;
    return { ...version, cert, key, ca, requestCert: true, rejectUnauthorized: true };
  }
  const key = Buffer.from(credentials.key);
  const pskCallback = (socket: TLSSocket, identity: string) => {
    // Asked while it is connected, the socket knows its peer also when the handshake has failed.
    void socket.remoteAddress;
    return identity === IDENTITY ? key : null;
  };
  return { ...version, ciphers: PSK_CIPHER, pskCallback };
}

/** Options of a TLS client with these credentials, which refuses a server that has others; `undefined`: plain. */
export function clientTls(credentials: Credentials): ConnectionOptions | undefined {
  if (credentials.kind === 'none') return undefined;
  const version = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
  if (credentials.kind === 'certificates') {
    const { cert, key, ca } = credentials;
    return { ...version, cert, key, ca };
  }
  return {
    ...version,
    ciphers: PSK_CIPHER,
    pskCallback: () => ({ psk: credentials.key, identity: IDENTITY }),
    // A server that answers with a certificate does not know the token, whoever signed it.
    ca: [],
    checkServerIdentity: (_, { subject }) => (subject === undefined ? undefined : new Error('it has another token.')),
  };
}
