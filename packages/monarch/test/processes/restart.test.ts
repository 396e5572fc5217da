import { thisHost } from '../../src/index.ts';
import { restarts } from '../contracts/restarts.ts';

restarts(async (options) => await thisHost().spawnProcs({ perHost: { worker: 2 }, ...options }));
