import { elementCount, forEachRun, planRuns, type Region, sameRegion, type Tensor, viewElements } from '@forge/tensor';
import { type Located, type LocatedTensor, metadataVolume, type Place } from './batch.ts';
import { copyBytes, copyOf, type Fetch } from './byte-box.ts';
import { isTensorEntry } from './holdings.ts';

/*
 * Bytes that lie with the metadata reach a reader in pages: an answer has the first one, and the reader asks for the others
 * one at a time, so that what it holds beside its targets stays bounded. A part lies whole in one page; in its place, the
 * segment is the number of the page.
 */

/** Bytes of a page; a part that is larger has one of its own. */
const pageBytes = 16 * 2 ** 20;

/** Where a part begins in its page is a multiple of this: enough for any dtype. */
const alignment = 8;

/** Gives parts their places in pages, side by side. Equal sizes in equal order get equal places. */
export class PageLayout {
  #page = 0;
  #offset = 0;

  /** The place of the next part. */
  place(byteLength: number): Place {
    if (this.#offset > 0 && this.#offset + byteLength > pageBytes) {
      this.#page += 1;
      this.#offset = 0;
    }
    const place = { volume: metadataVolume, segment: `${this.#page}`, byteOffset: this.#offset, byteLength };
    this.#offset += Math.ceil(byteLength / alignment) * alignment;
    return place;
  }
}

/** Parts of one page on their way. */
export class Page {
  readonly #parts: { readonly bytes: Uint8Array; readonly byteOffset: number }[] = [];

  add(bytes: Uint8Array, byteOffset: number): void {
    this.#parts.push({ bytes, byteOffset });
  }

  /** The page; undefined when nothing lies in it. */
  get bytes(): Uint8Array | undefined {
    const last = this.#parts.at(-1);
    if (last === undefined || this.#parts.length === 1) return last?.bytes;
    const page = new Uint8Array(last.byteOffset + last.bytes.length);
    for (const { bytes, byteOffset } of this.#parts) page.set(bytes, byteOffset);
    return page;
  }
}

/** One page of what was located. */
export function pageOf(tensors: readonly LocatedTensor[], number: number): Uint8Array {
  const layout = new PageLayout();
  const page = new Page();
  for (const { parts } of tensors) {
    for (const { bytes } of parts) {
      if (bytes === undefined) continue;
      const { segment, byteOffset } = layout.place(bytes.length);
      if (segment === `${number}`) page.add(bytes, byteOffset);
    }
  }
  return page.bytes ?? new Uint8Array(0);
}

/** Whether an answer has all bytes of what was located. */
export function fitsAnswer(located: readonly Located[]): boolean {
  const layout = new PageLayout();
  for (const each of located) {
    if (!isTensorEntry(each)) continue;
    for (const { bytes } of each.parts)
      if (bytes === undefined || layout.place(bytes.length).segment !== '0') return false;
  }
  return true;
}

/** The region of a tensor whose bytes a page is; undefined when more or less than that lies there. */
export function tensorOfPage(page: Uint8Array, located: LocatedTensor, region: Region): Tensor | undefined {
  const { dtype, parts } = located;
  const [part] = parts;
  const { buffer, byteOffset, byteLength } = page;
  if (part === undefined || parts.length > 1 || part.place.byteLength !== byteLength) return undefined;
  // Nobody else uses this memory, so it may be handed out.
  if (!(buffer instanceof ArrayBuffer) || byteOffset > 0 || buffer.byteLength > byteLength) return undefined;
  if (part.place.volume !== metadataVolume || !sameRegion(part.region, region)) return undefined;
  const data = viewElements(dtype, buffer, { byteOffset, count: elementCount(region.size) });
  return { dtype, shape: region.size, data };
}

/** Reads boxes out of pages. */
export async function readPages(
  fetches: readonly Fetch[],
  pageAt: (page: number) => Uint8Array | Promise<Uint8Array>,
): Promise<void> {
  for (const [page, own] of Map.groupBy(fetches, ({ box }) => box.segment)) {
    const source = await pageAt(Number(page));
    for (const fetch of own) {
      const plan = planRuns(copyOf(fetch));
      const { box, target } = fetch;
      forEachRun(plan, (from, to) =>
        copyBytes({ source, from: box.byteOffset + from, target, to, length: plan.runLength }),
      );
    }
  }
}
