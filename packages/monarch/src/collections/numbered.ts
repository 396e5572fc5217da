const FIRST_ROOM = 16;
/** Room that is given back when nothing is left in it. */
const KEPT_ROOM = 1_024;

/**
 * Things under numbers, from 1, that are never given twice. Made for things that come and go one after the other, as
 * calls do: a Map rebuilds itself every few of those.
 */
export class Numbered<T> {
  // At a number's place: its last bits. Numbers whose place is taken are left out, so no two ever share one.
  #items: (T | undefined)[] = new Array(FIRST_ROOM).fill(undefined);
  #numbers: number[] = new Array(FIRST_ROOM).fill(0);
  #next = 1;
  #size = 0;

  /** Gives a thing its number. */
  add(item: T): number {
    if (this.#size * 2 >= this.#items.length) this.#resize(this.#items.length * 2);
    while (this.#items[this.#place(this.#next)] !== undefined) this.#next++;
    const number = this.#next++;
    this.#put(number, item);
    this.#size++;
    return number;
  }

  get(number: number): T | undefined {
    const place = this.#place(number);
    return this.#numbers[place] === number ? this.#items[place] : undefined;
  }

  /** `false` when there was none. */
  delete(number: number): boolean {
    if (this.get(number) === undefined) return false;
    this.#items[this.#place(number)] = undefined;
    this.#size--;
    if (this.#size === 0 && this.#items.length > KEPT_ROOM) this.#resize(FIRST_ROOM);
    return true;
  }

  /** All of them, in the order of their places. */
  values(): T[] {
    return this.#items.filter((item) => item !== undefined);
  }

  #place(number: number): number {
    return number & (this.#items.length - 1);
  }

  #put(number: number, item: T): void {
    const place = this.#place(number);
    this.#items[place] = item;
    this.#numbers[place] = number;
  }

  #resize(room: number): void {
    const [items, numbers] = [this.#items, this.#numbers];
    this.#items = new Array(room).fill(undefined);
    this.#numbers = new Array(room).fill(0);
    items.forEach((item, place) => {
      // Each place has its number.
      if (item !== undefined) this.#put(numbers[place]!, item);
    });
  }
}
