// Types that must hold, and calls that must not compile; checked by tsc, never run.
import { type Tensor, tensor } from '@forge/tensor';
import { type Lease, openStore, type PlainData, type RetentionRule, type Store, shard } from '../src/index.ts';

declare const store: Store;
declare const lease: Lease;

function is<Expected>(_: Expected): void {}

export async function reads(): Promise<void> {
  is<Tensor>(await store.get('w'));
  is<Tensor<'bfloat16'>>(await store.get('w', { dtype: 'bfloat16' }));
  is<Tensor<'float32'>>(await store.get('w', { into: tensor('float32', [2]) }));
  is<Tensor<'float16'>>(
    await lease.get('w', { dtype: 'float16', layout: { mesh: [1], placements: [shard(0)], rank: 0 } }),
  );
  // @ts-expect-error: what is cast to has the dtype of what is filled
  await store.get('w', { dtype: 'bfloat16', into: tensor('float32', [2]) });
  // @ts-expect-error: without the request the dtype is not known
  is<Tensor<'float32'>>(await store.get('w'));
  // @ts-expect-error: there is no such dtype
  await store.get('w', { dtype: 'float8' });
  is<PlainData>(await store.getObject('o'));

  const list = await store.getBatch(['a', 'b']);
  is<Tensor>(list.a);
  // @ts-expect-error: it was not asked for
  is<Tensor>(list.c);
  const table = await store.getBatch({ a: { dtype: 'float16' }, b: {}, o: 'object', i: { into: tensor('int8', [1]) } });
  is<Tensor<'float16'>>(table.a);
  is<Tensor<'int8'>>(table.i);
  is<Tensor>(table.b);
  is<PlainData>(table.o);
  // @ts-expect-error: an object is no tensor
  is<Tensor>(table.o);
}

export async function writes(): Promise<void> {
  await store.put('w', tensor('float32', [2]));
  await store.putBatch({ w: tensor('float32', [2]), o: { nested: [1, new Date(0), new Map([['a', 1n]])] } });
  // @ts-expect-error: an instance of a class is no plain data
  await store.put('w', new URL('a:b'));
  await using transaction = await store.begin('m', { participant: { rank: 0, ranks: 2 }, version: 1 });
  await transaction.put('w', tensor('float32', [2]));
  is<number | undefined>((await transaction.commit()).generation);
  // @ts-expect-error: a participant has a rank
  await store.begin('m', { participant: { ranks: 2 } });
}

export async function options(): Promise<void> {
  is<RetentionRule>({ versionsOf: 'policy_ver_', keepLast: 2 });
  // @ts-expect-error: a rule says what it is about
  is<RetentionRule>({ keepLast: 2 });
  // @ts-expect-error: there is no such strategy
  await openStore({ strategy: 'random' });
  // @ts-expect-error: a lease only reads
  lease.put('w', tensor('float32', [2]));
}
