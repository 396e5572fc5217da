import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GpuPool, visibleGpus } from '../src/replicas/gpus.ts';

test.each([
  [undefined, []],
  ['', []],
  ['0,1,2', ['0', '1', '2']],
  [' 3 , 1 ', ['3', '1']],
  ['0,0,1', ['0', '1']],
  ['-1', []],
  ['2,-1,3', ['2']],
  ['GPU-8932f937-d72c-4106-c12f-20bd9faed9f6', ['GPU-8932f937-d72c-4106-c12f-20bd9faed9f6']],
])('CUDA_VISIBLE_DEVICES=%j names %j', (value, ids) => {
  expect(visibleGpus(value)).toEqual(ids);
});

test.each(['a', '0,,1', '0;1', '1.5'])('CUDA_VISIBLE_DEVICES=%j is refused', (value) => {
  expect(() => visibleGpus(value)).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS', value }));
});

test('no GPU ever has two holders, and all come back', () => {
  fc.assert(
    fc.property(fc.nat(8), fc.array(fc.nat(4)), (size, wishes) => {
      const ids = Array.from({ length: size }, (_, id) => String(id));
      const pool = new GpuPool(ids);
      const leases: ReturnType<GpuPool['take']>[] = [];
      for (const [turn, count] of wishes.entries()) {
        const { free } = pool;
        if (count > free.length) {
          expect(() => pool.take(count)).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_GPUS', wanted: count }));
          expect(pool.free).toEqual(free);
        } else leases.push(pool.take(count));
        const held = leases.flatMap((lease) => lease.ids);
        expect(new Set(held).size).toBe(held.length);
        expect([...held, ...pool.free].toSorted()).toEqual(ids);
        if (turn % 3 === 2) leases.shift()?.release();
      }
      for (const lease of [...leases, ...leases]) lease.release();
      expect(pool.free).toEqual(ids);
    }),
  );
});
