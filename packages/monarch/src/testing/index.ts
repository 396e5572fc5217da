export { inlineProcs } from './inline-procs.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export { mockActor } from './mock-actor.ts';
export type { NetworkModel } from './network-model.ts';
export type { Random } from './random.ts';
export { type SimulateOptions, type Simulation, type SimulationScene, simulate } from './simulate.ts';
export type { Place, SimulatedWorld } from './simulated-world.ts';
export { SimulationError } from './simulation-error.ts';
export type { SimulationCounters } from './world.ts';
