import { endpointBrand, endpointOptions, endpointsOf, plainMethodsOf } from '../actor/endpoint.ts';
import { ActorClassError, DecodeError } from '../errors.ts';
import { RESERVED_NAMES } from '../mesh/handle.ts';
import type { EndpointCard } from '../references/mesh-reference.ts';
import { findClass } from './actor-classes.ts';
import type { Asked } from './agent-method.ts';
import { Cell } from './cell.ts';
import type { LocalProcess } from './local-process.ts';

/** What to construct, for every rank of a mesh. */
export interface Construction {
  readonly mesh: string;
  readonly name: string;
  readonly module: string;
  readonly className: string;
  /** See CellSpec. */
  readonly isRestartable: boolean;
}

/** Which actor a new one takes the place of. */
export interface Restart {
  readonly actor: number;
  readonly generation: number;
}

/** What came of it. */
export interface Constructed {
  readonly actor: number;
  readonly endpoints: Readonly<Record<string, EndpointCard>>;
  /** Methods that are none. */
  readonly methods: readonly string[];
}

/** Makes an actor, and says what it answers to. @throws what its constructor throws */
export async function construct(
  process: LocalProcess,
  asked: Asked,
  what: Construction,
  args: unknown,
): Promise<Constructed> {
  const cell = await makeCell(process, asked, { what, args, as: { actor: process.count(), generation: 0 } });
  const endpoints: Record<string, EndpointCard> = {};
  for (const [endpoint, method] of endpointsOf(cell.instance)) {
    if (RESERVED_NAMES.has(endpoint)) {
      const problem = `its endpoint '${endpoint}' hides a builtin of every mesh. Rename it.`;
      throw new ActorClassError(what.className, problem);
    }
    endpoints[endpoint] = { kind: method[endpointBrand], ...method[endpointOptions] };
  }
  process.cells.add(cell);
  return { actor: cell.actor, endpoints, methods: plainMethodsOf(cell.instance) };
}

/** Makes an actor in the place of one that failed, or was lost with its process; what waits for it follows. */
export async function restart(
  process: LocalProcess,
  asked: Asked,
  { what, args, how }: { what: Construction; args: unknown; how: Restart },
): Promise<void> {
  // The one before may still be cleaning up.
  await process.cells.vacate(how.actor);
  const cell = await makeCell(process, asked, { what, args, as: how });
  try {
    await cell.setup();
  } catch (error) {
    await cell.stop('its setup failed.');
    throw error;
  }
  process.cells.add(cell);
}

async function makeCell(
  process: LocalProcess,
  { from, point }: Asked,
  { what, args, as }: { what: Construction; args: unknown; as: Restart },
): Promise<Cell> {
  const { mesh, name, module, className, isRestartable } = what;
  if (!Array.isArray(args)) throw new DecodeError('the arguments of a constructor are no list.');
  const type = await findClass(process, { module, name: className });
  return new Cell(process, { mesh, name, point, owner: from, isRestartable, ...as }, type, args);
}
