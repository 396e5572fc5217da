/** An object of tensors, an object for each, and in it lists of numbers. */
const maxDepth = 3;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Whether JSON nests no deeper than a header does and has at most so many commas outside of strings. `JSON.parse` takes up to 70
 * bytes of memory for a byte of other JSON, which no `catch` survives.
 */
export function isWithinBounds(json: Uint8Array, maxCommas: number): boolean {
  let depth = 0;
  let commas = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (isInString) {
      if (byte === backslash) at++;
      else if (byte === quote) isInString = false;
    } else if (byte === quote) isInString = true;
    else if (byte === openBrace || byte === openBracket) depth++;
    else if (byte === closeBrace || byte === closeBracket) depth--;
    else if (byte === comma) commas++;
    if (depth > maxDepth || commas > maxCommas) return false;
  }
  return true;
}
