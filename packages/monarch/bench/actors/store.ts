import { Actor, endpoint, exportBuffer } from '@forge/monarch';

/** Takes, gives and exports large arrays. */
export class Store extends Actor {
  static readonly module: string = import.meta.url;
  #data = new Uint8Array(0);

  readonly take = endpoint((data: Uint8Array) => data.length);
  /** Takes it and looks at every page. */
  readonly sum = endpoint((data: Uint8Array) => {
    let sum = 0;
    for (let i = 0; i < data.length; i += 4096) sum += data[i] ?? 0;
    return sum;
  });
  readonly make = endpoint((byteLength: number) => {
    this.#data = new Uint8Array(byteLength).fill(1);
    return exportBuffer(this.#data);
  });
  readonly give = endpoint(() => this.#data);
}
