import { Actor, endpoint } from '@forge/monarch';

/** Prints numbered lines. */
export class Talker extends Actor {
  static readonly module: string = import.meta.url;

  readonly talk = endpoint((lines: number): void => {
    for (let i = 0; i < lines; i++) process.stdout.write(`line ${i} of a process that prints much\n`);
  });
  readonly add = endpoint((a: number, b: number) => a + b);
}

// On its own it prints as many lines as it is told to.
if (import.meta.main) {
  for (let i = 0; i < Number(process.argv[2]); i++) process.stdout.write(`line ${i} of a process that prints much\n`);
}
