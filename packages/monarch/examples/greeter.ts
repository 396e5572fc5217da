import { Actor, endpoint, type Port } from '@forge/monarch';

/** Says where it is to whoever gave it a port. */
export class Greeter extends Actor {
  static readonly module: string = import.meta.url;
  readonly greet = endpoint(async (to: Port<string>) => {
    await to.send(`hello from ${this.context.point}`);
  });
}
