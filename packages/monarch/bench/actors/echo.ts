import { Actor, endpoint } from '@forge/monarch';
import { spin } from './spin.ts';

/** Gives back what little it is asked for. */
export class Echo extends Actor {
  static readonly module: string = import.meta.url;

  readonly pid = endpoint(() => process.pid);
  readonly add = endpoint((a: number, b: number) => a + b);
  readonly spin = endpoint((on: boolean) => spin(on));
  readonly take = endpoint((data: Uint8Array) => data.length);
  readonly takeAll = endpoint((arrays: readonly Uint8Array[]) => arrays.length);
}
