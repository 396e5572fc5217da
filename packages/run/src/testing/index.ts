export { canSeeProcesses, processesWith, type Seen } from './processes.ts';
export { readmeTables } from './readme-tables.ts';
export { type End, type RunningProgram, type StartProgramOptions, startProgram } from './start-program.ts';
export { until } from './until.ts';
export { untimed } from './untimed.ts';
