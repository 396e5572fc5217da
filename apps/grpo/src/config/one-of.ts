import { z } from 'zod';

/** One of a table's names. */
export function oneOf<Name extends string>(names: readonly Name[]) {
  return z.enum(Object.fromEntries(names.map((name) => [name, name])) as { readonly [N in Name]: N }); // each is its own value
}
