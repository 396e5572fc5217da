import { describe, expect, expectTypeOf, test } from 'vitest';
import { Actor, type HostMesh, thisHost } from '../../src/index.ts';
import { mockActor, simulate } from '../../src/testing/index.ts';
import { Believer, MockOracle, Oracle, SilentOracle } from '../fixtures/oracle.ts';

/** What a mock must do wherever it reaches. */
async function checkMocks(hosts: HostMesh<never> | HostMesh<'hosts'>): Promise<void> {
  await using procs = await (hosts as HostMesh<never>).spawnProcs({ perHost: { p: 1 } });
  const before = await procs.spawn('before', Believer);
  const ask = async () => {
    await using oracle = await procs.spawn('oracle', Oracle);
    return [...(await oracle.ask.call('life')).values()][0];
  };
  {
    await using _ = await mockActor(Oracle, MockOracle);
    expect(await ask()).toBe('a mock of life');
    {
      await using _inner = await mockActor(Oracle, SilentOracle);
      expect(await ask()).toBe('');
    }
    expect(await ask()).toBe('a mock of life');
    // Spawned by an actor in another process, which was there before the mock; then by one in a process started since.
    const [wondered] = (await before.wonder.call('love')).values();
    expect(wondered).toBe('a mock of love');
    const [far] = (await before.wonderFar.call('war')).values();
    expect(far).toBe('a mock of war');
  }
  expect(await ask()).toBe('the truth about life');
  const [wondered] = (await before.wonder.call('love')).values();
  expect(wondered).toBe('the truth about love');
}

describe('a mock is spawned in place of the real actor, by whom ever, until it is disposed', () => {
  test('in processes', async () => await checkMocks(thisHost()));

  test('in simulated processes', async () => {
    const { left } = await simulate({ seed: 4, hosts: 1 }, async ({ hosts }) => await checkMocks(hosts));
    expect(left).toEqual([]);
  });
});

test('a mock that other processes could not find is refused, and changes nothing', async () => {
  class Hidden extends MockOracle {}
  await expect(mockActor(Oracle, Hidden)).rejects.toMatchObject({ code: 'ERR_MONARCH_CLASS' });
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const oracle = await procs.spawn('oracle', Oracle);
  expect(await oracle.ask.callOne('life')).toBe('the truth about life');
});

test('a mock answers to every endpoint of the real actor', () => {
  class Deaf extends Actor {
    static readonly module: string = import.meta.url;
  }
  // @ts-expect-error without `ask`
  const refused = () => mockActor(Oracle, Deaf);
  expectTypeOf(refused).returns.resolves.toHaveProperty(Symbol.asyncDispose);
});
