import { keepCompiled } from './keep-compiled.ts';

/*
 * The entry of every child process. What is loaded behind it, the modules of actors too, is compiled once a machine and
 * not once a process.
 */
keepCompiled();
await import('./serve-parent.ts');
