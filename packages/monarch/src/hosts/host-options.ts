import { parseArgs } from 'node:util';
import { OptionError, reasonText } from '../errors.ts';
import { parseAddress } from './address.ts';
import { readCredentials } from './credentials.ts';
import type { DaemonOptions } from './daemon.ts';

/** What `forge-host --help` prints. */
export const HELP = `forge-host: lets programs start their processes on this machine

  forge-host --listen <host:port> --token-file <file>
  forge-host --listen <host:port> --cert <pem> --key <pem> --ca <pem>
  forge-host --listen 127.0.0.1:7000

  --listen <host:port>   where to listen; port 0 takes a free one, which is printed
  --token-file <file>    the shared secret, readable by its owner only: the same file on every machine and for the
                         program. Both sides prove that they have it, and everything is encrypted (TLS 1.3).
                         Make one:  (umask 077; openssl rand -hex 32 > forge.token)
  --cert, --key, --ca    certificates instead of a token: this machine's, its key, and the authority that signed those
                         of both sides. Programs must show one, too.
  --allow <folder>       actors are loaded from modules below this folder only; may be given several times
                         (default: the folder it is started in)
  --orphan-ms <ms>       processes end when their program was silent for so long (default: 5000)
  --help                 prints this

Whoever has the token runs what the allowed folders export, as the user who started forge-host. Without a token or
certificates it listens on loopback only, and then every user of this machine can attach. Start one a machine, with the
same folder at the same path; then, in a program:

  await using hosts = await attachToHosts(['gpu1:7000', 'gpu2:7000'], { tokenFile: 'forge.token' });
`;

const DEFAULT_ORPHAN_MS = 5_000;

/** Reads the command line of `forge-host`; `undefined`: help was asked for. @throws {OptionError} */
export function readHostOptions(argv: readonly string[]): Omit<DaemonOptions, 'log'> | undefined {
  const values = read(argv);
  if (values.help === true) return undefined;
  if (values.listen === undefined) throw new OptionError('listen', 'where to? Such as --listen 127.0.0.1:7000.');
  const { cert, key, ca } = values;
  const given = [cert, key, ca].filter((path) => path !== undefined);
  if (given.length !== 0 && given.length !== 3) throw new OptionError('cert', '--cert, --key and --ca go together.');
  const tls = cert === undefined || key === undefined || ca === undefined ? undefined : { cert, key, ca };
  const orphanMs = values['orphan-ms'] === undefined ? DEFAULT_ORPHAN_MS : Number(values['orphan-ms']);
  if (!Number.isInteger(orphanMs) || orphanMs < 1) {
    throw new OptionError('orphan-ms', `'${values['orphan-ms']}' is no number of milliseconds.`);
  }
  return {
    listen: parseAddress(values.listen, 'listen'),
    credentials: readCredentials({ tokenFile: values['token-file'], tls }),
    allow: values.allow ?? [process.cwd()],
    orphanMs,
  };
}

function read(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    ...{ listen: text, 'token-file': text, cert: text, key: text, ca: text, 'orphan-ms': text },
    allow: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (cause) {
    throw new OptionError('help', `${reasonText(cause)} See --help.`, { cause });
  }
}
