import { basename } from 'node:path';
import { AttachError, type HostProblem, OptionError, OwnershipError, reasonText } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import { Host, type HostMesh } from '../mesh/host-mesh.ts';
import { currentOwner, program } from '../program/current-program.ts';
import { isLoopback, parseAddress } from './address.ts';
import type { Attachment } from './attachment.ts';
import { type CredentialSources, type Credentials, readCredentials } from './credentials.ts';
import { attachedMachine } from './remote-machine.ts';

/** How to attach machines. At most one of `token`, `tokenFile` and `tls`; without any, only machines on loopback. */
export interface AttachOptions extends CredentialSources {
  /** The shared secret itself. */
  readonly token?: string;
  /** Path of the file with the shared secret, readable by its owner only. */
  readonly tokenFile?: string;
  /** Paths of PEM files, for machines that ask for certificates. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
  /** Of the program, in the logs of the machines. @default the name of its file */
  readonly name?: string;
  /** Silence after which a machine, and everything on it, is lost. Shorter cuts lose nothing. @default 2_500 */
  readonly partitionTimeoutMs?: number;
  /** Time for a machine to be ready. @default 10_000 */
  readonly connectTimeoutMs?: number;
}

/**
 * Attaches machines on which `forge-host` runs: one mesh of them, in the order of the list. Either all of them are
 * attached, or none. Disposing the mesh stops what was started on it, and gives the machines back.
 *
 * @throws {AttachError} that names every machine that cannot be attached, and why.
 * @throws {OptionError} on an address or a credential that cannot be.
 */
export async function attachToHosts(
  addresses: readonly (string | Promise<string>)[],
  options: AttachOptions = {},
): Promise<HostMesh<'hosts'>> {
  const owner = currentOwner('attachToHosts');
  if (owner.ended !== undefined) throw new OwnershipError(`${owner.name} cannot attach hosts: ${owner.ended}`);
  if (addresses.length === 0) throw new OptionError('addresses', 'There is no address to attach.');
  const { partitionTimeoutMs = 2_500, connectTimeoutMs = 10_000 } = options;
  for (const [name, value] of Object.entries({ partitionTimeoutMs, connectTimeoutMs })) {
    if (!Number.isFinite(value) || value <= 0) throw new OptionError(name, `${name} is ${value}, not above 0.`);
  }
  const credentials = readCredentials(options);
  const current = program();
  const ids = addresses.map(() => current.machines.newId());
  const name = programName(options.name ?? basename(process.argv[1] ?? 'a program'));
  await current.network();

  // Loaded by those who need it: most programs have one machine.
  const { Attachment: Opening } = await import('./attachment.ts');
  const attach = async (address: string, id: string): Promise<Attachment> => {
    checkReach(address, credentials);
    const route = { address, credentials, partitionTimeoutMs, program: current.platform.nonce() };
    return await Opening.open({ clock: current.platform.clock, id, name, route, connectTimeoutMs });
  };
  const outcomes = await Promise.allSettled(addresses.map(async (address, i) => await attach(await address, ids[i]!)));
  const attachments = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const detach = async () => {
    await Promise.all(attachments.map(async (attachment) => await attachment.detach()));
    for (const attachment of attachments) current.machines.remove(attachment);
    owner.owned.delete(owned);
    current.tidy();
  };
  const owned = { stop: detach };
  if (attachments.length < addresses.length) {
    await detach();
    throw await problemsOf(addresses, outcomes);
  }
  for (const attachment of attachments) current.machines.add(attachment);
  owner.owned.add(owned);
  const machines = attachments.map((attachment) => attachedMachine(current.process, attachment));
  try {
    // From then on the agents can ask this process, which is their parent.
    await Promise.all(machines.map(async (machine) => await machine.reserve(0)));
    if (owner.ended !== undefined) throw new OwnershipError(`${owner.name} cannot attach hosts: ${owner.ended}`);
  } catch (error) {
    await detach();
    throw error;
  }
  return new Host(extentOf({ hosts: machines.length }), new Set(), { machines, detach });
}

/** Without credentials, whoever answers at an address beyond this machine could be anybody. */
function checkReach(address: string, credentials: Credentials): void {
  const { host } = parseAddress(address, 'addresses');
  if (credentials.kind === 'none' && !isLoopback(host)) {
    throw new OptionError('token', `give a token or certificates: it is beyond this machine.`);
  }
}

function programName(name: string): string {
  return name.replace(/[^\w ./@-]/g, '_').slice(0, 80) || 'a program';
}

async function problemsOf(
  addresses: readonly (string | Promise<string>)[],
  outcomes: readonly PromiseSettledResult<Attachment>[],
): Promise<AttachError> {
  const causes: unknown[] = [];
  const problems: HostProblem[] = [];
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') continue;
    const address = await Promise.resolve(addresses[i]).catch(() => undefined);
    problems.push({ address: address ?? `host ${i}, whose address was not found`, reason: reasonText(outcome.reason) });
    causes.push(outcome.reason);
  }
  return new AttachError(problems, { cause: causes.length === 1 ? causes[0] : new AggregateError(causes) });
}
