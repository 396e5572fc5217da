import { rmSync } from 'node:fs';
import { type MeshFailure, thisHost } from '@forge/monarch';
import { Controller } from './controller.ts';
import { Store, type StoreReference } from './store.ts';
import type { TransportKind } from './transport/transport.ts';
import { Volume } from './volume.ts';

/** How a store is started. */
export interface StoreOptions {
  /** Processes that hold bytes; ranks are spread over them. @default 1 */
  readonly volumes?: number;
  /** Whether they run in processes of their own or in this one. @default 'process' */
  readonly kind?: 'inline' | 'process';
  /** How bytes travel; 'auto' takes the memory of the host where client and volume share it. @default 'auto' */
  readonly transport?: TransportKind | 'auto';
  /** Address that volumes listen on and clients connect to. @default '127.0.0.1' */
  readonly host?: string;
  /** Folder for the bytes. @default /dev/shm where it is writable, else the temporary folder */
  readonly folder?: string;
  /** How long a volume may take to answer for one frame. @default 30000 */
  readonly timeoutMs?: number;
  /** Sees every failure of the store's processes before the owner does. `true`: handled. @default none: the owner fails */
  readonly supervise?: (failure: MeshFailure) => boolean | Promise<boolean>;
}

/** Starts a store. This process owns it: it ends with the store's disposal, or with the process. */
export async function openStore({
  volumes = 1,
  kind = 'process',
  transport = 'auto',
  host = '127.0.0.1',
  folder,
  timeoutMs = 30_000,
  supervise,
}: StoreOptions = {}): Promise<Store> {
  const procs = await thisHost().spawnProcs({
    perHost: { volume: volumes },
    kind,
    name: 'torchstore',
    ...(supervise !== undefined && { supervise }),
  });
  try {
    const controller = await procs.slice({ volume: 0 }).spawn('controller', Controller);
    const mesh = await procs.spawn('volumes', Volume, controller, { host, parent: folder });
    const addresses = [...(await mesh.address.call()).values()];
    await Promise.all(addresses.map(({ id }, volume) => controller.addVolume.callOne(id, mesh.slice({ volume }))));
    const reference: StoreReference = { controller, volumes: addresses, options: { transport, timeoutMs } };
    // A volume removes its own folder, unless it is killed: as this process does with it in its last moment.
    const removeFolders = () => {
      for (const { directory } of addresses) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    };
    process.once('exit', removeFolders);
    return new Store(reference, async () => {
      await procs.stop('the store was closed');
      process.off('exit', removeFolders);
      removeFolders();
    });
  } catch (error) {
    await procs.stop('the store did not start');
    throw error;
  }
}

/** Uses a store that another process has opened. The transport is probed anew; it can be forced here too. */
export function attachStore(reference: StoreReference, { transport }: Pick<StoreOptions, 'transport'> = {}): Store {
  const options = transport === undefined ? reference.options : { ...reference.options, transport };
  return new Store({ ...reference, options }, async () => {});
}
