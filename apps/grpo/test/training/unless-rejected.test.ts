import { expect, test } from 'vitest';
import { unlessRejected } from '../../src/training/unless-rejected.ts';

const never = new Promise<never>(() => undefined);

test('what never comes is waited for no longer than until the other rejects', async () => {
  await expect(unlessRejected(never, Promise.reject(new RangeError('no memory')))).rejects.toThrow('no memory');
});

test('what comes is given, whether the other is settled or not', async () => {
  expect(await unlessRejected(Promise.resolve(1), never)).toBe(1);
  const later = Promise.withResolvers<number>();
  const given = unlessRejected(later.promise, Promise.resolve('settled'));
  later.resolve(2);
  expect(await given).toBe(2);
  await expect(unlessRejected(Promise.reject(new RangeError('no batch')), never)).rejects.toThrow('no batch');
});
