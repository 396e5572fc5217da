import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf, copyRegion, type Region, type Tensor, tensor } from '@forge/tensor';
import { expect, onTestFinished } from 'vitest';
import { openStore, type Store, type StoreOptions } from '../../src/index.ts';

/** The ways in which a store may carry its bytes; what it means must not depend on them. */
export const variants = [
  { name: 'one volume over tmpfs', options: { transport: 'tmpfs', inlineBytes: 0 } },
  {
    name: 'three volumes with two replicas over websocket',
    options: { transport: 'websocket', volumes: 3, replicas: 2, inlineBytes: 0 },
  },
  {
    name: 'small values with the metadata of two volumes',
    options: { transport: 'tmpfs', volumes: 2, inlineBytes: 16_384 },
  },
] as const satisfies readonly { readonly name: string; readonly options: StoreOptions }[];

/** Opens an inline store in a test; after it the store is closed, and its folder must be empty. */
export async function testStore(options: StoreOptions): Promise<{ readonly store: Store; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'forge-semantics-'));
  const store = await openStore({ kind: 'inline', folder, ...options });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    expect(filesIn(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
  return { store, folder };
}

/** The segment files below a folder. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'nonce')
    .map(({ name, parentPath }) => join(parentPath, name));
}

/** A tensor of equal elements. */
export function filled(value: number, shape: readonly number[] = [4, 8]): Tensor<'int32'> {
  const result = tensor('int32', shape);
  result.data.fill(value);
  return result;
}

/** The only value of a tensor of equal elements. */
export function onlyValue(source: Tensor): number {
  const values = new Set<unknown>(source.data);
  expect([...values]).toHaveLength(1);
  return Number(source.data[0]);
}

/** The elements of a region. */
export function cut(whole: Tensor, region: Region): Tensor {
  const local: Tensor = tensor(whole.dtype, region.size);
  const targetOffset = region.offset.map(() => 0);
  if (!region.size.includes(0))
    copyRegion(whole, local, { sourceOffset: region.offset, targetOffset, size: region.size });
  return local;
}

/** A tensor as something that two tests can compare: dtype, shape and bit patterns. */
export function bits(source: Tensor) {
  return { dtype: source.dtype, shape: [...source.shape], bytes: [...bytesOf(source)] };
}

/** The rejection of a promise that must reject. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.fail(`it resolved with ${String(value)}`),
    (error: unknown) => error,
  );
}
