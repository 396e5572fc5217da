import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { initialize } from '@forge/models';
import { thisHost } from '@forge/monarch';
import { loadNative } from '@forge/monarch/memory';
import { tensor } from '@forge/tensor';
import { openStore, policyVersionPrefix } from '@forge/torchstore';
import { expect, test } from 'vitest';
import { MeasuredGenerator } from '../fixtures/measured-generator.ts';
import { ViewUser } from '../fixtures/view-user.ts';
import { makeModelFolder } from '../model-folder.ts';

const tmpfsMagic = 0x01021994;
// Without koffi, or where /dev/shm is no tmpfs, nothing can be mapped; values are copied then, as other tests check.
const isMapped = loadNative() !== undefined && statfsSync('/dev/shm').type === tmpfsMagic;

test.skipIf(!isMapped)(
  'processes compute with the pages of the store: one copy for all of them (skipped where memory cannot be mapped)',
  async () => {
    const folder = mkdtempSync(join('/dev/shm', 'forge-mapped-'));
    try {
      await using store = await openStore({ folder });
      const [rows, columns] = [2048, 4096];
      const w = tensor('float32', [rows, columns]);
      w.data.fill(0.5);
      w.data[columns - 1] = 2.5;
      await store.put('w', w);
      await using procs = await thisHost().spawnProcs({ perHost: { rank: 2 } });
      const users = await procs.spawn('users', ViewUser, store.reference);
      const bytes = rows * columns * 4;
      for (const { sums, own, shared, released } of (await users.columnSums.call('w', rows, columns)).values()) {
        expect(sums).toEqual([rows / 2, rows / 2 + 2]);
        expect(own).toBeLessThan(bytes / 2); // a copy would be all of it
        expect(shared).toBeGreaterThanOrEqual(bytes);
        expect(released).toBeGreaterThanOrEqual(bytes);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test.skipIf(!isMapped)(
  'generators run on the pages of the store, until newer weights take their place (skipped where memory cannot be mapped)',
  async () => {
    await using folder = await makeModelFolder({ hidden_size: 512, intermediate_size: 1024, num_hidden_layers: 2 });
    const weights = initialize(folder.config, 1);
    const numBytes = Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0);
    await using store = await openStore();
    await using procs = await thisHost().spawnProcs({ perHost: { rank: 2 } });
    const options = { model: folder.path, store: store.reference, threads: 1, packedWeights: false };
    const generators = await procs.spawn('generators', MeasuredGenerator, options);
    const before = [...(await generators.residentBytes.call()).values()];
    for (const version of [1, 2]) {
      await store.putStateDict(policyVersionPrefix(version), weights);
      await generators.updateWeights.call(version);
      await generators.generate.call([1, 2, 3], { maxTokens: 4 });
      const after = [...(await generators.residentBytes.call()).values()];
      after.forEach(({ own, shared }, rank) => {
        expect(own - before[rank]!.own).toBeLessThan(numBytes / 2); // a copy would be all of it
        expect(shared - before[rank]!.shared).toBeGreaterThan(0.9 * numBytes);
        expect(shared - before[rank]!.shared).toBeLessThan(1.5 * numBytes); // of one version
      });
    }
  },
);
