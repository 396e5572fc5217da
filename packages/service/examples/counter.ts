import { endpoint } from '@forge/monarch';
import { ForgeActor } from '@forge/service';

export class Counter extends ForgeActor {
  static readonly module: string = import.meta.url;
  #value = 0;
  readonly increment = endpoint((by: number) => (this.#value += by));
}
