import type { Region } from '@forge/tensor';
import { metadataVolume, type Place } from './batch.ts';

/** Numbers that travel one by one: few of them as a typed array cost more than that saves. */
const maxFewNumbers = 256;

/** What a volume's name is when bytes lie with the metadata. */
const inline = -1;

/**
 * Metadata on its way: ten thousand tensors as objects take longer to pack than to read, so their numbers travel as one
 * array and their names once each.
 */
export interface Columns {
  /** Dtypes, volumes and segments; the numbers say which. */
  readonly names: readonly string[];
  readonly numbers: Float64Array | readonly number[];
}

/** Writes metadata into columns. */
export class ColumnWriter {
  readonly #indexes = new Map<string, number>();
  readonly #numbers: number[] = [];

  number(value: number): void {
    this.#numbers.push(value);
  }

  name(text: string): void {
    let index = this.#indexes.get(text);
    if (index === undefined) {
      index = this.#indexes.size;
      this.#indexes.set(text, index);
    }
    this.#numbers.push(index);
  }

  /** Numbers whose count the reader knows. */
  list(values: readonly number[]): void {
    for (const value of values) this.#numbers.push(value);
  }

  region({ offset, size }: Region): void {
    this.list(offset);
    this.list(size);
  }

  /** `volume segment at bytes checksum`; what lies with the metadata has no checksum. */
  place({ volume, segment, byteOffset, byteLength, checksum = Number.NaN }: Place): void {
    if (volume === metadataVolume) {
      this.#numbers.push(inline, Number(segment), byteOffset, byteLength);
      return;
    }
    this.name(volume);
    this.name(segment);
    this.#numbers.push(byteOffset, byteLength, checksum);
  }

  get columns(): Columns {
    const numbers = this.#numbers;
    return {
      names: [...this.#indexes.keys()],
      numbers: numbers.length <= maxFewNumbers ? numbers : Float64Array.from(numbers),
    };
  }
}

/** Reads what a {@link ColumnWriter} wrote, in the same order. */
export class ColumnReader {
  readonly #names: readonly string[];
  readonly #numbers: Float64Array | readonly number[];
  #at = 0;

  constructor({ names, numbers }: Columns) {
    this.#names = names;
    this.#numbers = numbers;
  }

  number(): number {
    this.#at += 1;
    return this.#numbers[this.#at - 1]!; // as many were written as are read
  }

  name(): string {
    return this.#names[this.number()]!; // likewise
  }

  list(length: number): number[] {
    const values: number[] = [];
    for (let index = 0; index < length; index += 1) values.push(this.number());
    return values;
  }

  region(rank: number): Region {
    return { offset: this.list(rank), size: this.list(rank) };
  }

  place(): Place {
    const index = this.number();
    if (index === inline) {
      const segment = `${this.number()}`;
      return { volume: metadataVolume, segment, byteOffset: this.number(), byteLength: this.number() };
    }
    const volume = this.#names[index]!; // likewise
    const place = { volume, segment: this.name(), byteOffset: this.number(), byteLength: this.number() };
    const checksum = this.number();
    return Number.isNaN(checksum) ? place : { ...place, checksum };
  }
}
