import type { Credentials } from './credentials.ts';

/** What a failed connection to a daemon means, for whoever has to mend it. */
export function problemText({ code = '', message }: NodeJS.ErrnoException, { kind }: Credentials): string {
  if (kind === 'token' && message.includes('alert decrypt error')) return 'it has another token.';
  if (kind === 'token' && message.includes('alert handshake failure')) return 'it wants certificates, not a token.';
  if (code !== 'ECONNRESET') return message.split('\n')[0] ?? message;
  if (kind === 'none') return 'it ended the connection: it probably wants a token or certificates.';
  return 'it ended the connection: it probably does not speak TLS. Start it with the same token, or attach it without.';
}
