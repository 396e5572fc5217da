import { endpoint } from '@forge/monarch';
import { ForgeActor } from '@forge/service';

/** Answers at once, or after a while during which others may be answered. */
export class Echo extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly echo = endpoint((value: number) => value);
  readonly after = endpoint((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
}
