import type { AttachedMachine } from '../hosts/attached-machine.ts';
import { attachedMachine } from '../hosts/remote-machine.ts';
import { extentOf } from '../mesh/extent.ts';
import { Host, type HostMesh } from '../mesh/host-mesh.ts';
import { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** Time for a machine to end what a program has there. */
const DETACH_MS = 1;

/** Attaches simulated machines to the program of `root`, each with its agent process, as daemons do it. */
export async function attachSimulated(world: World, root: SimulatedProcess, count: number): Promise<HostMesh<'hosts'>> {
  const { program } = root;
  await program.network();
  const ids = Array.from({ length: count }, () => program.machines.newId());
  const attachments = await Promise.all(ids.map(async (id) => await attach(world, root, id)));
  for (const attachment of attachments) program.machines.add(attachment);
  const machines = attachments.map((attachment) => attachedMachine(program.process, attachment));
  const detach = async () => {
    await Promise.all(attachments.map(async (attachment) => await attachment.detach()));
    for (const attachment of attachments) program.machines.remove(attachment);
    program.owned.delete(owned);
    program.tidy();
  };
  const owned = { stop: detach };
  program.owned.add(owned);
  // From then on the agents know this process, which is their parent.
  await Promise.all(machines.map(async (machine) => await machine.reserve(0)));
  return new Host(extentOf({ hosts: count }), new Set(), { machines, detach });
}

async function attach(world: World, root: SimulatedProcess, id: string): Promise<AttachedMachine> {
  const place = { id, parent: root.id, directory: 'simulated' };
  const agent = new SimulatedProcess(world, { id, machine: id, place, onLine: () => {} });
  await new Promise<void>((resolve) => {
    world.later(agent, world.random.between(...world.launchMs), `start ${id}`, () => {
      void agent.program.join().then(() => resolve());
    });
  });
  const { peer } = root.program.process.exchange.target(id, 0);
  const end = (then: () => void) => {
    world.later(undefined, DETACH_MS, `detach ${id}`, () => {
      agent.end(null, 'SIGKILL');
      then();
    });
  };
  return {
    id,
    route: { address: id, credentials: { kind: 'none' }, program: root.id, partitionTimeoutMs: world.network.resumeMs },
    machine: { allow: ['/'] },
    get lost() {
      return peer.loss?.problem;
    },
    // Nobody asks: here a machine is lost with the session to its agent.
    onLost: () => () => {},
    detach: async () => await new Promise<void>((resolve) => end(resolve)),
    detachNow: () => end(() => {}),
  };
}
