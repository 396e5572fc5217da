import { readFileSync, rmSync } from 'node:fs';
import { type HostMesh, type MeshFailure, thisHost } from '@forge/monarch';
import { Controller } from './controller.ts';
import { Retention, type RetentionRule } from './retention.ts';
import type { ChecksumMode } from './session.ts';
import { Store, type StoreReference } from './store.ts';
import type { SelectVolume, Strategy } from './strategy.ts';
import type { TransportKind, VolumeAddress } from './transport/transport.ts';
import { type TlsFiles, Volume } from './volume.ts';

/** How a store is started. */
export interface StoreOptions {
  /** Processes that hold bytes, on each host. @default 1 */
  readonly volumes?: number;
  /** Machines that hold bytes. @default this one */
  readonly hosts?: HostMesh<string>;
  /** Whether they run in processes of their own or in this one. @default 'process' */
  readonly kind?: 'inline' | 'process';
  /** Which volume a rank writes to. @default 'nearest' */
  readonly strategy?: Strategy;
  /** Decides instead of the strategy, in this process; others give theirs to attachStore. */
  readonly selectVolume?: SelectVolume;
  /** Volumes that get each piece, as far as so many live. What they hold outlives all but one of them. @default 1 */
  readonly replicas?: number;
  /** Bytes that the store may hold, replicas counted each. @default none: as many as the memory has */
  readonly quotaBytes?: number;
  /** Generations that are kept beside the newest. @default [] */
  readonly retention?: readonly RetentionRule[];
  /**
   * Puts of at most so many bytes travel in one message and lie with the metadata instead of on a volume: one round trip
   * each way, no replicas, as durable as the store itself. 0: none do. @default 16384
   */
  readonly inlineBytes?: number;
  /** How bytes travel; 'auto' takes the memory of the host where client and volume share it. @default 'auto' */
  readonly transport?: TransportKind | 'auto';
  /** Address that volumes listen on and clients connect to: one for all hosts, or one for each. @default '127.0.0.1' */
  readonly host?: string | readonly string[];
  /**
   * Which bytes have a CRC-32, on their way and with the pieces they are of: what was damaged on its way is sent again, and
   * what was damaged where it lies is an error.
   * @default 'auto': those that leave the machine
   */
  readonly checksums?: ChecksumMode;
  /**
   * Paths of PEM files, on every machine that holds bytes: volumes show the certificate and encrypt what they send.
   * Clients trust what the authority in `ca`, a path on this machine, has signed. @default none: no encryption
   */
  readonly tls?: TlsFiles;
  /** Folder for the bytes. @default /dev/shm where it is writable, else the temporary folder */
  readonly folder?: string;
  /** How long the store or a volume may take to answer; an operation that is repeated elsewhere may take three times that. @default 30000 */
  readonly timeoutMs?: number;
  /** How long a client that was cut off may take to come back before its leases and transactions end. @default 5000 */
  readonly reconnectMs?: number;
  /**
   * Sees every failure of the store's processes before the owner does. `true`: handled.
   * @default the death of a volume is handled when replicas are left, everything else is not
   */
  readonly supervise?: (failure: MeshFailure) => boolean | Promise<boolean>;
}

/**
 * Starts a store. This process owns it: it ends with the store's disposal, or with the process.
 * @throws RangeError when an option is out of range; nothing is started then.
 */
export async function openStore({
  volumes = 1,
  hosts,
  kind = 'process',
  strategy = 'nearest',
  selectVolume,
  replicas = 1,
  quotaBytes,
  retention = [],
  inlineBytes = 16_384,
  transport = 'auto',
  host = '127.0.0.1',
  folder,
  checksums = 'auto',
  tls,
  timeoutMs = 30_000,
  reconnectMs = 5_000,
  supervise,
}: StoreOptions = {}): Promise<Store> {
  checkOptions({ volumes: volumes * (hosts?.length ?? 1), replicas, quotaBytes, inlineBytes });
  void new Retention(retention); // which checks its rules
  const listenOn = typeof host === 'string' ? [host] : host;
  if (listenOn.length !== 1 && listenOn.length !== (hosts?.length ?? 1))
    throw new RangeError(
      `${listenOn.length} addresses do not fit ${hosts?.length ?? 1} hosts: give one, or one for each.`,
    );
  const addresses: VolumeAddress[] = [];
  // A volume removes its own folder, unless it is killed: as this process does with it, at once or in its last moment.
  const removeFolder = ({ directory }: VolumeAddress) =>
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  const removeFolders = () => addresses.forEach(removeFolder);
  const lost = new Set<string>();
  let tellLost = (_: string) => {};
  const onFailure = async (failure: MeshFailure): Promise<boolean> => {
    for (const { rank } of failure.points) {
      const address = addresses[rank];
      if (address === undefined || lost.has(address.id)) continue;
      lost.add(address.id);
      tellLost(address.id);
      if (replicas > 1) removeFolder(address);
    }
    const isHandled = (await supervise?.(failure)) ?? false;
    return isHandled || (replicas > 1 && lost.size < addresses.length);
  };
  // One volume and the metadata share a process and its fate; several volumes must not take the metadata with them.
  const isAlone = volumes === 1 && hosts === undefined;
  const own = isAlone ? onFailure : supervise;
  const home = await thisHost().spawnProcs({ kind, name: 'torchstore', ...(own !== undefined && { supervise: own }) });
  const procs = isAlone
    ? undefined
    : await (hosts ?? thisHost())
        .spawnProcs({ perHost: { volume: volumes }, kind, name: 'torchstore-volumes', supervise: onFailure })
        .catch(async (error: unknown) => {
          await home.stop('the store did not start');
          throw error;
        });
  const stop = async (reason: string) => {
    await procs?.stop(reason);
    await home.stop(reason);
  };
  try {
    const limits = { retention, reconnectMs, ...(quotaBytes !== undefined && { quotaBytes }) };
    const controller = await home.spawn('controller', Controller, limits);
    const place = {
      hosts: listenOn,
      perHost: volumes,
      parent: folder,
      tls,
      reconnectMs,
    };
    const mesh =
      procs === undefined
        ? (await home.spawn('volumes', Volume, controller, place)).flatten('volume')
        : (await procs.spawn('volumes', Volume, controller, place)).flatten('volume');
    const ca = tls && readFileSync(tls.ca, 'utf8');
    for (const address of (await mesh.address.call()).values()) addresses.push({ ...address, ...(ca && { ca }) });
    for (const [volume, { id }] of addresses.entries()) await controller.addVolume.callOne(id, mesh.slice({ volume }));
    if (!isAlone) tellLost = (volume) => controller.loseVolume.broadcast(volume);
    const options = {
      transport,
      strategy,
      replicas,
      timeoutMs,
      reconnectMs,
      checksums,
      hasQuota: quotaBytes !== undefined,
      inlineBytes,
    };
    const reference: StoreReference = { controller, volumes: addresses, options };
    process.once('exit', removeFolders);
    const close = async () => {
      await stop('the store was closed');
      process.off('exit', removeFolders);
      removeFolders();
    };
    return new Store(reference, { close, selectVolume });
  } catch (error) {
    await stop('the store did not start');
    throw error;
  }
}

/** What lies with the metadata lies in the memory of one process; what is larger belongs on a volume. */
const maxInlineBytes = 2 ** 20;

function checkOptions({
  volumes,
  replicas,
  quotaBytes,
  inlineBytes,
}: {
  readonly volumes: number;
  readonly replicas: number;
  readonly quotaBytes: number | undefined;
  readonly inlineBytes: number;
}): void {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;
  if (!isCount(volumes)) throw new RangeError(`A store of ${volumes} volumes cannot open; give at least 1.`);
  if (!isCount(replicas) || replicas > volumes)
    throw new RangeError(`${replicas} replicas need as many volumes; the store has ${volumes}.`);
  if (quotaBytes !== undefined && !(quotaBytes >= 0))
    throw new RangeError(`A quota of ${quotaBytes} bytes is not one.`);
  if (!(inlineBytes >= 0 && inlineBytes <= maxInlineBytes))
    throw new RangeError(`Puts of ${inlineBytes} bytes cannot lie with the metadata; give 0 to ${maxInlineBytes}.`);
}

/** How a process attaches to a store. */
export interface AttachOptions extends Pick<StoreOptions, 'transport' | 'selectVolume'> {}

/** Uses a store that another process has opened. The transport is probed anew; it can be forced here too. */
export function attachStore(reference: StoreReference, { transport, selectVolume }: AttachOptions = {}): Store {
  const options = transport === undefined ? reference.options : { ...reference.options, transport };
  return new Store({ ...reference, options }, { close: async () => {}, selectVolume });
}
