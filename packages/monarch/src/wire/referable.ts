/** What travels in the place of something that stays where it is. */
export interface Reference {
  /** One of REFERENCE_KINDS, which make it usable where it arrives. */
  readonly kind: string;
  /** Whatever can be sent. */
  readonly data: object;
}

const references = new WeakMap<object, () => Reference>();

/** Makes `value` sendable: `reference`, asked each time it is sent, travels in its place. */
export function makeReferable<T extends object>(value: T, reference: () => Reference): T {
  references.set(value, reference);
  return value;
}

/** The reference of something that was made referable; `undefined` for anything else. */
export function referenceOf(value: object): Reference | undefined {
  return references.get(value)?.();
}
