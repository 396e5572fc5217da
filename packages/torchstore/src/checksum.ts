/** CRC-32 is a remainder of polynomials over GF(2), bits reversed. Source: RFC 1952, section 8. */
const polynomial = 0xedb88320;
const one = 0x80000000;

/** The product of two remainders. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= b;
    b = (b & 1) === 0 ? b >>> 1 : (b >>> 1) ^ polynomial;
  }
  return product >>> 0;
}

/** x to the power of 2 to the power of the index: zeros of so many bits move a remainder by that factor. */
const powers: number[] = [0x40000000];
while (powers.length < 56) powers.push(multiply(powers.at(-1)!, powers.at(-1)!));

function shift(bytes: number): number {
  let factor = one;
  // Bit k of the length in bytes stands for 2^k · 8 bits. Division, because lengths may exceed 32 bits.
  for (let index = 3; bytes > 0; index += 1, bytes = Math.floor(bytes / 2)) {
    if (bytes % 2 === 1) factor = multiply(factor, powers[index]!);
  }
  return factor;
}

/** The CRC-32 of `a` followed by `b`, from theirs and the length of `b`: some microseconds, however long they are. */
export function joinChecksums(a: number, b: number, bytesOfB: number): number {
  return (multiply(a, shift(bytesOfB)) ^ b) >>> 0;
}
