/** Inside of a character class: what Python's `\s` matches. JavaScript's lacks U+001C to U+001F and U+0085 and has U+FEFF. */
export const WHITESPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
