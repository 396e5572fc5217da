import { expect, test } from 'vitest';
import { thisProc } from '../../src/index.ts';
import { meshReferenceOf } from '../../src/mesh/actor-mesh.ts';
import { answerOf } from '../../src/process/unary-call.ts';
import { program } from '../../src/program/current-program.ts';
import { Heading } from '../../src/wire/heading.ts';
import { Counter } from '../fixtures/counter.ts';

test('arguments that cannot be decoded reject their call, and the actor lives on', async () => {
  await using counter = await thisProc().spawn('counter', Counter, 1);
  const { process } = program();
  const { addresses, whole, extent } = meshReferenceOf(counter)!;
  const [node, actor] = addresses[0]!;
  const member = { target: process.exchange.target(node, actor), mesh: 'counter', point: whole.point(0) };
  // A byte that msgpack never uses.
  const payload = { bytes: Uint8Array.of(0xc1), buffers: [] };
  const damaged = answerOf(process, member, { heading: new Heading('increment', extent), rank: 0, payload });
  await expect(damaged).rejects.toMatchObject({
    code: 'ERR_MONARCH_ACTOR',
    actor: 'counter',
    endpoint: 'increment',
    cause: { code: 'ERR_MONARCH_DECODE' },
  });
  expect(await counter.increment.callOne(1)).toBe(2);
});
