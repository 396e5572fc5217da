import type { Grammar } from '../grammar.ts';
import { keywordsOf } from './json-schema.ts';
import { anyInteger, anyNumber } from './json-text.ts';
import { type Bounds, integersBetween, isSimpleBound, numbersBetween } from './number-range.ts';
import type { SchemaReader } from './schema-reader.ts';

/** The numbers, or integers, within the bounds of a schema; of at most 15 digits where there is none. */
export function numberGrammar(reader: SchemaReader, isInteger: boolean): Grammar {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = reader.numbers(keywordsOf.number);
  if (
    minimum === undefined &&
    maximum === undefined &&
    exclusiveMinimum === undefined &&
    exclusiveMaximum === undefined
  ) {
    return isInteger ? anyInteger : anyNumber;
  }
  const isAbove = exclusiveMinimum !== undefined && exclusiveMinimum >= (minimum ?? Number.NEGATIVE_INFINITY);
  const isBelow = exclusiveMaximum !== undefined && exclusiveMaximum <= (maximum ?? Number.POSITIVE_INFINITY);
  const bounds: Bounds = {
    least: isAbove ? exclusiveMinimum : minimum,
    most: isBelow ? exclusiveMaximum : maximum,
    isAbove,
    isBelow,
  };
  return isInteger ? integerGrammar(bounds) : decimalGrammar(reader, bounds);
}

/** Bounds beyond the integers that a double tells apart are those. */
function integerGrammar({
  least = -999_999_999_999_999,
  most = 999_999_999_999_999,
  isAbove,
  isBelow,
}: Bounds): Grammar {
  const from = isAbove ? Math.floor(least) + 1 : Math.ceil(least);
  const to = isBelow ? Math.ceil(most) - 1 : Math.floor(most);
  return integersBetween(Math.max(from, Number.MIN_SAFE_INTEGER), Math.min(to, Number.MAX_SAFE_INTEGER));
}

function decimalGrammar(reader: SchemaReader, bounds: Bounds): Grammar {
  for (const bound of [bounds.least, bounds.most]) {
    if (bound === undefined || isSimpleBound(bound)) continue;
    const keyword = Object.keys(reader.self.schema).find((each) => reader.self.schema[each] === bound) ?? 'minimum';
    throw reader.refuse(keyword, 'must be within ±1e9 and have at most six digits after the point, for numbers.');
  }
  return numbersBetween(bounds);
}
