import { Random } from '@forge/tensor';

/**
 * The bytes of as many tokens as Qwen's vocabulary has, made as byte-pair encoding makes them: each token beyond the bytes
 * and some thousand characters is two earlier ones joined, mostly short ones.
 */
export function vocabulary(size: number): readonly Uint8Array[] {
  const random = new Random('vocabulary');
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const letters = Array.from('etaoinshrdlucmfwypvbgkqjxz ETAOINS0123456789.,()"{}:', (letter) => Buffer.from(letter));
  const characters = Array.from({ length: 6000 }, (_, at) => Buffer.from(String.fromCodePoint(0x4e00 + at)));
  const tokens: Uint8Array[] = [...bytes, ...characters];
  const words: Uint8Array[] = [...letters];
  const seen = new Set<string>();
  while (tokens.length < size) {
    const isWord = random.uniform() < 0.8;
    const from = isWord ? words : characters;
    // Squared, so that early ones, which are short, come more often.
    const one = () => from[Math.floor(random.uniform() ** 2 * from.length)]!;
    const joined = Buffer.concat([one(), one()]);
    const key = joined.toString('latin1');
    if (joined.length > 16 || seen.has(key)) continue;
    seen.add(key);
    tokens.push(joined);
    if (isWord) words.push(joined);
  }
  return tokens;
}
