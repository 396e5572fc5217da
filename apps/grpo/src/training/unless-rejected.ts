/** What is awaited, unless `other` rejects before it is there; what is awaited may then go on, and is not looked at. */
export function unlessRejected<Value>(awaited: Promise<Value>, other: Promise<unknown>): Promise<Value> {
  return Promise.race([awaited, other.then(() => awaited)]);
}
