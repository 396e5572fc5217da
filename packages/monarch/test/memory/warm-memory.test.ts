import { describe, expect, test } from 'vitest';
import { LARGE_BYTES } from '../../src/memory/fresh-bytes.ts';
import { WarmMemory } from '../../src/memory/warm-memory.ts';
import { decode } from '../../src/wire/codec.ts';

const bytesOf = (value: number, length = LARGE_BYTES) => new Uint8Array(length).fill(value);

describe('memory for copies that are sent', () => {
  test('is written again once a copy is given back, and not before', () => {
    const warm = new WarmMemory();
    const [first, second] = [warm.copyOf(bytesOf(1)), warm.copyOf(bytesOf(2))];
    expect(first?.buffer).not.toBe(second?.buffer);
    if (first !== undefined) warm.giveBack(first);
    const third = warm.copyOf(bytesOf(3));
    expect(third?.buffer).toBe(first?.buffer);
    expect([third?.every((byte) => byte === 3), second?.every((byte) => byte === 2)]).toEqual([true, true]);
  });

  test('serves copies that are somewhat smaller, and none that are larger or much smaller', () => {
    const warm = new WarmMemory();
    const large = warm.copyOf(bytesOf(1, 3 * LARGE_BYTES));
    if (large !== undefined) warm.giveBack(large);
    expect(warm.copyOf(bytesOf(2, 3 * LARGE_BYTES + 1))?.buffer).not.toBe(large?.buffer);
    expect(warm.copyOf(bytesOf(2, LARGE_BYTES))?.buffer).not.toBe(large?.buffer);
    const smaller = warm.copyOf(bytesOf(2, 2 * LARGE_BYTES));
    expect(smaller?.buffer).toBe(large?.buffer);
    expect(smaller?.length).toBe(2 * LARGE_BYTES);
  });

  test('is not kept without a limit: what was used longest ago goes first', () => {
    const warm = new WarmMemory();
    const length = 100 * 2 ** 20;
    const copies = [1, 2, 3].map((value) => warm.copyOf(bytesOf(value, length)));
    for (const copy of copies) if (copy !== undefined) warm.giveBack(copy);
    const again = [1, 2, 3].map(() => warm.copyOf(bytesOf(4, length))?.buffer);
    expect(again.slice(0, 2)).toEqual([copies[2]?.buffer, copies[1]?.buffer]);
    expect(copies.map((copy) => copy?.buffer)).not.toContain(again[2]);
  });

  test('is only for large bytes: others are copied as ever', () => {
    const warm = new WarmMemory();
    expect(warm.copyOf(bytesOf(1, LARGE_BYTES - 1))).toBeUndefined();
    const value = { large: bytesOf(1), small: bytesOf(2, 10) };
    const payload = warm.encode(value, []);
    value.large.fill(9);
    value.small.fill(9);
    const decoded = decode(payload) as typeof value;
    expect([decoded.large.every((byte) => byte === 1), [...decoded.small]]).toEqual([true, Array(10).fill(2)]);
    payload.onArrived?.();
    payload.onArrived?.();
    expect(warm.copyOf(bytesOf(3))?.buffer).toBe(payload.buffers[0]?.buffer);
    expect(warm.copyOf(bytesOf(3))?.buffer).not.toBe(payload.buffers[0]?.buffer);
    expect(warm.encode([1], []).onArrived).toBeUndefined();
  });
});
