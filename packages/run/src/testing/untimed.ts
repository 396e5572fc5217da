/** Names of times. */
const TIMED = /seconds|PerSecond|perf|duration/i;

/** Of a line of metrics what does not depend on how fast the machine is: what two equal runs have in common. */
export function untimed<Value>(line: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(line).filter(([key]) => !TIMED.test(key)));
}
