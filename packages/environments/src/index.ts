export type { Json, Message, Task } from './task.ts';
