// Time that passes when it is told to: run it with `node manual-clock.ts`.
import { manualClock } from '@forge/monarch/testing';

const clock = manualClock();
clock.after(30_000, () => console.log(`half a minute later: ${clock.now()} ms`));
await clock.advance(60_000); // half a minute later: 30000 ms
console.log(clock.now()); // 60000
