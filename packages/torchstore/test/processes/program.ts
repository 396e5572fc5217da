// A program that opens a store in the folder it is given, puts a tensor, says so, and waits to be killed.
import { tensor } from '@forge/tensor';
import { openStore } from '@forge/torchstore';

const folder = process.argv[2];
if (folder === undefined) throw new RangeError('Give a folder.');
const store = await openStore({ folder });
await store.put('w', tensor('float32', [1 << 20]));
const stat = await store.stat('w');
process.stdout.write(`${JSON.stringify({ bytes: stat?.bytes })}\n`);
setInterval(() => {}, 1 << 30);
