import { DecodeError } from '../errors.ts';
import type { AgentMethods } from '../process/agent-method.ts';
import { isProcessId } from '../process/process-id.ts';

/**
 * What processes of different machines ask of each other. Up the chain of parents: `route`, `connectBack`. Of a process
 * that is wanted elsewhere: `dialBack`. Of an agent, by whoever starts processes on its machine: the rest; the lines of
 * those come back as `line`.
 */
export const HOST_METHODS = {
  route: async ({ program }, _, [machine]) => await program.machines.route(String(machine)),
  connectBack: async ({ program }, _, [to, ticket, from]) =>
    await program.machines.connectBack(processId(to), String(ticket), processId(from)),
  dialBack: async ({ program }, _, [to, ticket]) => (await program.network()).dialBack?.(processId(to), String(ticket)),
  reserveIds: ({ program }, _, [count]) => program.machines.launches.reserve(Number(count)),
  launch: ({ program }, { from }, [id, name, env]) =>
    program.machines.launches.launch(from, processId(id), String(name), environment(env)),
  launched: async ({ program }, _, [id]) => await program.machines.launches.launched(processId(id)),
  exited: async ({ program }, _, [id]) => await program.machines.launches.exited(processId(id)),
  release: ({ program }, _, [id]) => program.machines.launches.release(processId(id)),
  kill: ({ program }, _, [id]) => program.machines.launches.kill(processId(id)),
  line: ({ program }, _, [id, stream, line]) =>
    program.machines.remoteLines.get(processId(id))?.(stream === 'stderr' ? 'stderr' : 'stdout', String(line)),
} satisfies AgentMethods;

function processId(value: unknown): string {
  if (typeof value !== 'string' || !isProcessId(value)) throw new DecodeError('it names no process.');
  return value;
}

function environment(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) throw new DecodeError('an environment is damaged.');
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}
