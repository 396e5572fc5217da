import { expect, test } from 'vitest';
import { Actor, adoptMesh, endpoint, endpointsOfMesh, streamEndpoint, thisHost } from '../../src/index.ts';

export class Echo extends Actor {
  static readonly module: string = import.meta.url;
  readonly echo = endpoint((value: number) => value, { idempotent: true, timeoutMs: 5_000 });
  readonly count = streamEndpoint(async function* (upTo: number) {
    for (let i = 0; i < upTo; i++) yield i;
  });
}

test('an adopted mesh answers as the original and stops as its adopter says', async () => {
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const mesh = await procs.spawn('echo', Echo);
  const reasons: (string | undefined)[] = [];
  const adopted = adoptMesh(mesh, async (reason) => void reasons.push(reason));
  expect(await adopted.echo.callOne(3)).toBe(3);
  await adopted.stop('enough');
  expect(reasons).toEqual(['enough']);
  expect(await mesh.echo.callOne(4)).toBe(4);
});

test('the endpoints of a mesh carry the options they were declared with', async () => {
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const endpoints = endpointsOfMesh(await procs.spawn('echo', Echo));
  expect(endpoints.get('echo')).toEqual({ kind: 'unary', idempotent: true, timeoutMs: 5_000 });
  expect(endpoints.get('count')).toEqual({ kind: 'stream' });
});

test('what is no mesh has no endpoints', () => {
  expect(() => endpointsOfMesh({})).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_OWNERSHIP' }));
});
