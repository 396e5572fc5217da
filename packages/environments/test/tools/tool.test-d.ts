import { expectTypeOf, test } from 'vitest';
import { defineTool } from '../../src/tools/tool.ts';

test('the schema of a tool types what it is called with', () => {
  defineTool({
    name: 'book',
    description: '',
    parameters: {
      type: 'object',
      properties: {
        place: { type: 'string' },
        seats: { type: 'integer' },
        dates: { type: 'array', items: { type: 'string' } },
        kind: { enum: ['train', 'bus'] },
        note: { type: 'string' },
      },
      required: ['place', 'seats', 'dates', 'kind'],
    },
    call: (given) => {
      expectTypeOf(given.place).toEqualTypeOf<string>();
      expectTypeOf(given.seats).toEqualTypeOf<number>();
      expectTypeOf(given.dates).toEqualTypeOf<readonly string[]>();
      expectTypeOf(given.kind).toEqualTypeOf<'train' | 'bus'>();
      expectTypeOf(given.note).toEqualTypeOf<string | undefined>();
      // @ts-expect-error a property that the schema does not have
      return given.price;
    },
  });
});
