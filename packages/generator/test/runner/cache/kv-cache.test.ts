import { describe, expect, test } from 'vitest';
import { KvCache } from '../../../src/runner/cache/kv-cache.ts';
import { atOnce } from './at-once.ts';

const shape = { numLayers: 2, numKvHeads: 3, headDim: 4 };

/** Writes a number that is unique to (layer part, slot, head, token, channel) into the first tokens of the slots. */
function fill(cache: KvCache, numSlots: number, numTokens: number): void {
  Object.values(cache.views(numSlots).feeds).forEach(({ data }, part) => {
    forEachToken(cache, numSlots, numTokens, (at, tag) => {
      data[at] = tag + part * 1e6;
    });
  });
}

function forEachToken(cache: KvCache, slots: number, tokens: number, visit: (at: number, tag: number) => void): void {
  for (let slot = 0; slot < slots; slot++) {
    for (let head = 0; head < shape.numKvHeads; head++) {
      for (let token = 0; token < tokens; token++) {
        const at = ((slot * shape.numKvHeads + head) * cache.extent.capacity + token) * shape.headDim;
        visit(at, slot * 1e4 + head * 1e3 + token);
      }
    }
  }
}

describe('KvCache', () => {
  test('growing in slots and capacity keeps what is in it', () => {
    const cache = new KvCache(shape);
    atOnce(cache.resize({ numSlots: 2, capacity: 10 }));
    fill(cache, 2, 10);
    atOnce(cache.resize({ numSlots: 5, capacity: 65 }));
    Object.values(cache.views(2).feeds).forEach(({ data }, part) => {
      forEachToken(cache, 2, 10, (at, tag) => expect(data[at]).toBe(tag + part * 1e6));
    });
  });

  test('a copied slot holds the source up to the length and its own tokens after it', () => {
    const source = new KvCache(shape);
    atOnce(source.resize({ numSlots: 4, capacity: 70 }));
    fill(source, 4, 70);
    const cache = new KvCache(shape);
    atOnce(cache.resize({ numSlots: 4, capacity: 10 }));
    atOnce(cache.copySlot(source, { from: 3, to: 1 }, 7));
    const [keys] = Object.values(cache.views(4).feeds);
    forEachToken(cache, 4, 9, (at, tag) => {
      const isCopied = Math.floor(tag / 1e4) === 1 && tag % 1e3 < 7;
      expect(keys!.data[at]).toBe(isCopied ? tag + 2e4 : 0);
    });
  });

  test('tells before slots move, and not where they stay', () => {
    const cache = new KvCache(shape);
    const told: number[] = [];
    cache.onMove = () => told.push(cache.extent.capacity);
    atOnce(cache.resize({ numSlots: 2, capacity: 10 }));
    atOnce(cache.resize({ numSlots: 2, capacity: 10 }));
    const views = cache.views(1);
    expect(cache.views(1)).toBe(views);
    atOnce(cache.resize({ numSlots: 2, capacity: 20 }));
    expect(told).toEqual([0, 10]);
    expect(cache.views(1)).not.toBe(views);
  });

  test('outputs are on the memory of the inputs', () => {
    const cache = new KvCache(shape);
    atOnce(cache.resize({ numSlots: 8, capacity: 64 }));
    const { feeds, fetches } = cache.views(3);
    expect(Object.keys(feeds)).toEqual(['past_key.0', 'past_value.0', 'past_key.1', 'past_value.1']);
    expect(feeds['past_value.1']).toBe(fetches['present_value.1']);
    expect(feeds['past_value.1']!.shape).toEqual([3, 3, 64, 4]);
  });
});
