import { ConstraintError } from '../../errors.ts';
import type { JsonSchema, PlacedSchema } from './json-schema.ts';
import { keywordReader, type SchemaReader } from './schema-reader.ts';

/** Follows what a schema says by `$ref`, `anyOf`, `oneOf` and `allOf`. */
export class SchemaReferences {
  readonly #root: JsonSchema;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  /** The schema that a `$ref` stands for. @throws {ConstraintError} when there is none in this schema */
  resolve(reader: SchemaReader): PlacedSchema {
    const target = reader.text('$ref');
    if (!target.startsWith('#'))
      throw reader.refuse('$ref', `is ${target}; only places in this schema (#/…) are read.`);
    let value: unknown = this.#root;
    const path = decodeURIComponent(target.slice(1));
    for (const step of path.split('/').slice(1)) {
      const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
        throw reader.refuse('$ref', `is ${target}, and there is nothing.`);
      }
      value = (value as Readonly<Record<string, unknown>>)[name]; // its own, checked above
    }
    return { schema: value as JsonSchema, path }; // what it is is checked where it is read
  }

  /** The alternatives of a schema, through references and choices. @throws {ConstraintError} when it is one of its own */
  alternativesOf(part: PlacedSchema): readonly PlacedSchema[] {
    const found: PlacedSchema[] = [];
    const entered = new Set<string>();
    const left = new Set<string>();
    const visit = (each: PlacedSchema): void => {
      if (left.has(each.path)) return;
      const inner = this.#within(each);
      if (!inner) found.push(each);
      else {
        if (entered.has(each.path))
          throw new ConstraintError('it is one of its own alternatives.', { path: each.path });
        entered.add(each.path);
        inner.forEach(visit);
      }
      left.add(each.path);
    };
    visit(part);
    return found;
  }

  /** What a schema stands for, if it says nothing itself. */
  #within({ schema, path }: PlacedSchema): readonly PlacedSchema[] | undefined {
    if (typeof schema !== 'object' || schema === null) return undefined;
    const reader = keywordReader(schema, path);
    if (reader.has('$ref')) return [this.resolve(reader)];
    const keyword = (['anyOf', 'oneOf', 'allOf'] as const).find(reader.has);
    return keyword && reader.schemas(keyword);
  }
}
