import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { PythonSandbox } from '../src/index.ts';

/** Executions a second of a small function and its test, and of the same in new processes of the Python of this machine. */
const CODE =
  'import math, json\ndef f(n):\n  return [math.isqrt(i) for i in range(n)]\nassert f(100)[-1] == 9\njson.dumps(f(20))';
const SECONDS = 3;
const [python = 'python3'] = process.argv.slice(2);

async function perSecond(parallel: number, once: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (performance.now() - start < SECONDS * 1_000) {
        await once();
        count++;
      }
    }),
  );
  return (count * 1_000) / (performance.now() - start);
}

function print(
  bench: string,
  value: number,
  unit: string,
  control?: { readonly name: string; readonly value: number },
): void {
  const ratio = control && value / control.value;
  const line = { bench, value, unit, control: control?.name, controlValue: control?.value, ratio, load: loadavg()[0] };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const opened = performance.now();
await using sandbox = await PythonSandbox.open({ processes: 2 });
print('sandbox/open', performance.now() - opened, 'ms');
const replaced = performance.now();
await sandbox.execute('import os; os._exit(0)');
await Promise.all([sandbox.execute('1'), sandbox.execute('1')]);
print('sandbox/replace', performance.now() - replaced, 'ms');

const warm = await perSecond(2, () => sandbox.execute(CODE));
const control = await perSecond(2, async () => {
  const child = spawn(python, ['-I', '-c', CODE], { stdio: 'ignore' });
  child.on('error', () => {});
  await once(child, 'close').catch(() => {});
}).catch(() => undefined);
print(
  'sandbox/executions',
  warm,
  '1/s',
  control === undefined ? undefined : { name: `new processes of ${python}`, value: control },
);
