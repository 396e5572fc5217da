import { expectTypeOf, test } from 'vitest';
import type { Message, Task } from '../src/index.ts';

test('a task is plain data', () => {
  expectTypeOf<Task>().toExtend<{ readonly messages: readonly Message[]; readonly target: string }>();
});
