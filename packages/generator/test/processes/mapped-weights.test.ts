import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { thisHost } from '@forge/monarch';
import { loadNative } from '@forge/monarch/memory';
import { tensor } from '@forge/tensor';
import { openStore } from '@forge/torchstore';
import { expect, test } from 'vitest';
import { ViewUser } from '../fixtures/view-user.ts';

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
