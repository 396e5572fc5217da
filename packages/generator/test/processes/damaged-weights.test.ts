import { closeSync, openSync, readdirSync, readSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { initialize } from '@forge/models';
import { loadNative } from '@forge/monarch/memory';
import { openStore, policyVersionPrefix, type Store } from '@forge/torchstore';
import { expect, test } from 'vitest';
import { Generator } from '../../src/generator.ts';
import { makeModelFolder } from '../model-folder.ts';

const tmpfsMagic = 0x01021994;
// A segment is damaged where it lies in memory: without koffi, or where /dev/shm is no tmpfs, there is none.
const isMapped = loadNative() !== undefined && statfsSync('/dev/shm').type === tmpfsMagic;
const question = 'What is 2 + 3?';

/** Flips a bit in the middle of every file that the store has written since; in place, as a fault of memory does. */
function damage(directory: string, isNew: (path: string) => boolean): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || entry.name === 'nonce' || !isNew(path)) continue;
    const descriptor = openSync(path, 'r+');
    const at = statSync(path).size >> 1;
    const byte = new Uint8Array(1);
    readSync(descriptor, byte, 0, 1, at);
    byte[0]! ^= 4;
    writeSync(descriptor, byte, 0, 1, at);
    closeSync(descriptor);
  }
}

const files = (store: Store): ReadonlySet<string> =>
  new Set(
    readdirSync(store.reference.volumes[0]!.directory!, { recursive: true, withFileTypes: true }).map(
      ({ parentPath, name }) => join(parentPath, name),
    ),
  );

test.skipIf(!isMapped).each([{ packedWeights: false }, { packedWeights: true }, { quantization: 'int4' }] as const)(
  'a version that is damaged is refused, and the old weights stay: %o (skipped where memory cannot be mapped)',
  async (options) => {
    await using folder = await makeModelFolder();
    await using store = await openStore({ checksums: 'always' });
    await store.putStateDict(policyVersionPrefix(1), initialize(folder.config, 1));
    await using generator = await Generator.options({ kind: 'inline' }).asActor({
      model: folder.path,
      store: store.reference,
      threads: 1,
      ...options,
    });
    const sampling = { maxTokens: 20, temperature: 0 };
    const [before] = await generator.generate.callOne(question, sampling);
    const old = files(store);
    await store.putStateDict(policyVersionPrefix(2), initialize(folder.config, 2));
    damage(store.reference.volumes[0]!.directory!, (path) => !old.has(path));
    await expect(generator.updateWeights.callOne(2)).rejects.toMatchObject({
      cause: { code: 'ERR_TORCHSTORE_CHECKSUM', key: expect.stringContaining(policyVersionPrefix(2)) },
    });
    expect(await generator.getVersion.callOne()).toBe(1);
    const [after] = await generator.generate.callOne(question, sampling);
    expect(after?.tokenIds).toEqual(before?.tokenIds);
    await store.putStateDict(policyVersionPrefix(3), initialize(folder.config, 3));
    await generator.updateWeights.callOne(3);
    expect(await generator.getVersion.callOne()).toBe(3);
  },
);
