// Actors on several machines, each with a running `forge-host`: node cluster.ts forge.token gpu1:7000 gpu2:7000
import { attachToHosts, openPort } from '@forge/monarch';
import { Greeter } from './greeter.ts';

const [tokenFile = 'forge.token', ...addresses] = process.argv.slice(2);
await using hosts = await attachToHosts(addresses, { tokenFile });
await using procs = await hosts.spawnProcs({ perHost: { gpus: 2 } });
await using greeters = await procs.spawn('greeters', Greeter);
using inbox = openPort<string>();
greeters.greet.broadcast(inbox.port);
const greetings: string[] = [];
for await (const greeting of inbox.take(greeters.length)) greetings.push(greeting);
console.log(greetings.sort().join('\n'));
