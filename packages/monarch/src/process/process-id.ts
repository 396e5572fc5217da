/*
 * The program's root is `0`, its children `0.1`, `0.2`, theirs `0.1.1`. On a machine that it has attached, `h1` is its
 * agent process there, `h1.4` a process, `h1.4.2` a child of that one. What stands before the first dot is the machine.
 */
const PROCESS_ID = /^(0|h\d+)(\.\d+)*$/;

/** Whether `text` is an id of a process. Ids name sockets, so nothing else may pass for one. */
export function isProcessId(text: string): boolean {
  return PROCESS_ID.test(text);
}

/** The child of a process by which one that descends from it is reached: itself, or the first on the way to it. */
export function childTowards(id: string, descendant: string): string {
  const end = descendant.indexOf('.', id.length + 1);
  return end < 0 ? descendant : descendant.slice(0, end);
}

/** The machine that a process runs on; itself the id of the process from which all others there descend. */
export function machineOf(id: string): string {
  const end = id.indexOf('.');
  return end < 0 ? id : id.slice(0, end);
}
