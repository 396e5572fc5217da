/**
 * Makes this process wait until what it prints is taken, whatever reads it: what is printed last must not be lost by
 * `process.exit`. To pipes and files node writes so anyway, but not to the sockets that it gives to children as stdout.
 */
export function blockOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Node has no public way: the handle is its own.
    const handle: unknown = Reflect.get(stream, '_handle');
    if (typeof handle !== 'object' || handle === null || !('setBlocking' in handle)) continue;
    if (typeof handle.setBlocking === 'function') handle.setBlocking(true);
  }
}
