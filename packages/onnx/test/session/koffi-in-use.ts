import { tensor } from '@forge/tensor';
import koffi from 'koffi';
import { graph, input, matMul, openSession } from '../../src/index.ts';

// koffi settles its stacks when the first library is loaded. An int32 product overruns the stack that it then has.
const library = koffi.load(process.platform === 'win32' ? 'kernel32.dll' : null);
const pid = library.func(process.platform === 'win32' ? 'uint32_t GetCurrentProcessId()' : 'int getpid()');
const product = graph({ y: matMul(input('a', 'int32', ['m', 'k']), input('b', 'int32', ['k', 'n'])) });
await using session = await openSession(product);
const ones = tensor('int32', [48, 48], new Int32Array(48 * 48).fill(1));
const { y } = await session.run({ a: ones, b: ones });
if (pid() !== process.pid) throw new RangeError('koffi no longer works for others');
process.stdout.write(`${session.runtime} ${y?.data[0]}\n`);
