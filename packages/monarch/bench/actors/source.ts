import { Actor, endpoint, type Port } from '@forge/monarch';

/** Sends numbers, or answers one at a time. */
export class Source extends Actor {
  static readonly module: string = import.meta.url;

  readonly send = endpoint(async (port: Port<number>, count: number) => {
    for (let i = 0; i < count; i++) await port.send(i);
  });
  readonly one = endpoint((i: number) => i);
}
