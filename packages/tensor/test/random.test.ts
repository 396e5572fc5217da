import { describe, expect, test } from 'vitest';
import { Random } from '../src/index.ts';

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uniform());

describe('Random', () => {
  test('equal seeds give equal numbers, and a number is not the same seed as its digits', () => {
    expect(draw(new Random(7), 5)).toEqual(draw(new Random(7), 5));
    expect(draw(new Random(7), 5)).not.toEqual(draw(new Random(8), 5));
    expect(draw(new Random(7), 5)).not.toEqual(draw(new Random('7'), 5));
  });

  test('the numbers of a seed never change', () => {
    const random = new Random(42);
    expect([random.integer(1000), random.integer(1000), random.integer(1000)]).toMatchInlineSnapshot(`
      [
        463,
        644,
        527,
      ]
    `);
  });

  test('a restored state continues where it was taken, as plain data', () => {
    const random = new Random('state');
    draw(random, 10);
    const state = JSON.parse(JSON.stringify(random.state)) as typeof random.state;
    const restored = Random.fromState(state);
    expect([...draw(restored, 10), restored.normal()]).toEqual([...draw(random, 10), random.normal()]);
    expect(restored.split('x').uniform()).toBe(random.split('x').uniform());
  });

  test('a split depends on the names, not on what was drawn', () => {
    const random = new Random(1);
    const early = random.split('dropout').uniform();
    draw(random, 3);
    expect(random.split('dropout').uniform()).toBe(early);
    const ways = [random, random.split('a'), random.split('b'), random.split('a').split('b'), random.split('ab')];
    expect(new Set(ways.map((each) => each.uniform())).size).toBe(ways.length);
  });

  test('seeds that differ in one bit start unrelated: each output bit differs half of the time', () => {
    let flipped = 0;
    const trials = 2000;
    for (let seed = 0; seed < trials; seed += 1) {
      const difference = new Random(seed).integer(2 ** 32) ^ new Random(seed ^ 1).integer(2 ** 32);
      for (let bit = 0; bit < 32; bit += 1) flipped += (difference >>> bit) & 1;
    }
    // 64000 fair coins: five standard deviations are 0.01.
    expect(Math.abs(flipped / (trials * 32) - 0.5)).toBeLessThan(0.01);
  });

  test('uniform numbers fill [0, 1) evenly', () => {
    const random = new Random(3);
    const counts = new Array<number>(100).fill(0);
    for (let count = 0; count < 100_000; count += 1) counts[Math.floor(random.uniform() * 100)]! += 1;
    const chiSquared = counts.reduce((sum, seen) => sum + (seen - 1000) ** 2 / 1000, 0);
    // 99 degrees of freedom: 0.9999 of all samples lie below 161.
    expect(chiSquared).toBeLessThan(161);
  });

  test('normal numbers have the moments of the normal distribution', () => {
    const random = new Random(4);
    const count = 100_000;
    const sums = [0, 0, 0, 0];
    for (let index = 0; index < count; index += 1) {
      const value = random.normal();
      for (let power = 0; power < 4; power += 1) sums[power]! += value ** (power + 1);
    }
    const [mean, square, cube, fourth] = sums.map((sum) => sum / count);
    // Five standard errors: sqrt of the variances 1, 2, 15, 96 over the count.
    expect(Math.abs(mean!)).toBeLessThan(0.016);
    expect(Math.abs(square! - 1)).toBeLessThan(0.023);
    expect(Math.abs(cube!)).toBeLessThan(0.062);
    expect(Math.abs(fourth! - 3)).toBeLessThan(0.155);
  });

  test('the largest of logits + Gumbel numbers is a softmax sample', () => {
    const random = new Random(5);
    const weights = [1, 2, 5];
    const counts = [0, 0, 0];
    const count = 40_000;
    for (let index = 0; index < count; index += 1) {
      const scores = weights.map((weight) => Math.log(weight) + random.gumbel());
      counts[scores.indexOf(Math.max(...scores))]! += 1;
    }
    for (const [index, weight] of weights.entries())
      expect(Math.abs(counts[index]! / count - weight / 8)).toBeLessThan(0.013);
  });

  test('integers cover their range evenly, also beyond 2^32', () => {
    const random = new Random(6);
    const counts = new Array<number>(7).fill(0);
    for (let index = 0; index < 70_000; index += 1) counts[random.integer(7)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    // A bound of 3·2^51 leaves a quarter of 2^53 over: without rejection the lowest third would be drawn half of the time.
    const wide = 3 * 2 ** 51;
    let low = 0;
    for (let index = 0; index < 20_000; index += 1) low += random.integer(wide) < wide / 3 ? 1 : 0;
    expect(Math.abs(low / 20_000 - 1 / 3)).toBeLessThan(0.017);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 54])('there is no integer below %d to draw', (bound) => {
    expect(() => new Random(0).integer(bound)).toThrow(RangeError);
  });

  test('a shuffle is a permutation, and every order is equally likely', () => {
    const random = new Random(8);
    const seen = new Map<string, number>();
    for (let index = 0; index < 24_000; index += 1) {
      const order = random.shuffle(['a', 'b', 'c', 'd']).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(155);
  });
});
