import type { Accept, Dialling, Network } from '../wire/connection.ts';
import { SimulatedConnection } from './simulated-connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** Ways from a simulated process to the others. */
export function simulatedNetwork(world: World, process: SimulatedProcess, accept: Accept): Network {
  process.accept = accept;
  return {
    dial: (id, dialling) => dial(world, process, id, dialling),
    resumeMs: (id) => (world.processes.get(id)?.machine === process.machine ? 0 : world.network.resumeMs),
    close: () => {
      process.accept = undefined;
    },
  };
}

function dial(world: World, from: SimulatedProcess, id: string, dialling: Dialling): void {
  const to = world.processes.get(id);
  const refuse = (delayMs: number, gone: boolean, reason: string) =>
    void world.later(from, delayMs, `refused ${from.id}→${id}`, () => dialling.onRefused({ gone, reason }));
  world.later(undefined, world.delay(from.machine, to?.machine ?? from.machine), `dial ${from.id}→${id}`, () => {
    if (!from.isAlive) return;
    if (to !== undefined && !world.hasWay(from.machine, to.machine)) {
      return refuse(world.network.silenceMs, false, 'there is no way to it.');
    }
    const backMs = world.delay(from.machine, to?.machine ?? from.machine);
    if (to === undefined || !to.isAlive) return refuse(backMs, true, `process ${id} has ended.`);
    if (to.accept === undefined) return refuse(backMs, true, `process ${id} does not listen.`);
    new SimulatedConnection(world, from, to).open(to.accept, dialling);
  });
}
