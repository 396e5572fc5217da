import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GpuPool } from '../src/replicas/gpus.ts';
import { Placement, type Site } from '../src/replicas/placement.ts';

test('replicas are spread evenly over the hosts that are not lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(20), fc.nat(4), (hosts, count, away) => {
      const placement = new Placement({ hosts, gpusEach: 0, pools: [] });
      const isLost = (host: number) => hosts > 1 && host === away;
      if (isLost(away)) placement.lost({ host: away, gpus: undefined });
      const sites = Array.from({ length: count }, () => placement.take());
      const counts = Array.from({ length: hosts }, (_, host) => sites.filter((site) => site.host === host).length);
      const kept = counts.filter((_, host) => !isLost(host));
      expect(Math.max(...kept) - Math.min(...kept)).toBeLessThanOrEqual(1);
      if (hosts > away && isLost(away)) expect(counts[away]).toBe(0);
    }),
  );
});

test('a replica stays where it was with the GPUs it had, until its host is lost', () => {
  const placement = new Placement({
    hosts: 2,
    gpusEach: 1,
    pools: [new GpuPool(['0', '1']), new GpuPool(['0', '1'])],
  });
  const ids = ({ host, gpus }: Site) => [host, ...(gpus?.ids ?? [])];
  const [first, second] = [placement.take(), placement.take()];
  expect([first, second].map(ids)).toEqual([
    [0, '0'],
    [1, '0'],
  ]);
  expect(placement.take(second)).toBe(second);
  placement.lost(second);
  const moved = placement.take(second);
  expect(ids(moved)).toEqual([0, '1']);
  placement.release(moved);
  placement.found(second);
  expect(ids(placement.take())).toEqual([1, '0']);
});

test('where all hosts are lost, the one that was lost first is tried first', () => {
  const placement = new Placement({ hosts: 2, gpusEach: 0, pools: [] });
  placement.lost({ host: 1, gpus: undefined });
  placement.lost({ host: 0, gpus: undefined });
  expect(placement.take().host).toBe(1);
});

test('a host without enough GPUs is passed over, and when none has them that is said', () => {
  const placement = new Placement({ hosts: 2, gpusEach: 2, pools: [new GpuPool(['0']), new GpuPool(['0', '1', '2'])] });
  expect(placement.take()).toMatchObject({ host: 1, gpus: { ids: ['0', '1'] } });
  expect(() => placement.take()).toThrow(expect.objectContaining({ code: 'ERR_SERVICE_GPUS', wanted: 2 }));
});
