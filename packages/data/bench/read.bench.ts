// Records a second: our readers beside Python's, in turn, over files that pyarrow wrote. One JSON line a figure.
// Run: PEER_PYTHON=<python with pyarrow and datasets> node bench/read.bench.ts [records]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { openDataset, readRecords, readTasks } from '@forge/data';

const [count = '100000'] = process.argv.slice(2);
const python = process.env['PEER_PYTHON'];
if (python === undefined) throw new TypeError('Set PEER_PYTHON to a Python that has pyarrow and datasets.');
const script = path.join(import.meta.dirname, 'read_peer.py');
const folder = mkdtempSync(path.join(tmpdir(), 'forge-bench-'));
const ROUNDS = 5;

try {
  execFileSync(python, [script, 'write', count, folder], { stdio: 'inherit' });
  const jsonl = path.join(folder, 'records.jsonl');
  const parquet = path.join(folder, 'records.parquet');
  using peer = startPeer();
  await compare('JSON lines', jsonl, {
    'datasets, streaming': () => peer.read('datasets json', jsonl),
    'python json.loads': () => peer.read('python json.loads', jsonl),
    readRecords: () => counted(readRecords(jsonl)),
    readTasks: () => counted(readTasks({ path: jsonl })),
    'streamed samples, shuffled': () => sampled(jsonl),
  });
  await compare('Parquet', parquet, {
    'datasets, streaming': () => peer.read('datasets parquet', parquet),
    'pyarrow, as rows': () => peer.read('pyarrow rows', parquet),
    'pyarrow, as columns': () => peer.read('pyarrow columns', parquet),
    readRecords: () => counted(readRecords(parquet)),
    readTasks: () => counted(readTasks({ path: parquet })),
    'streamed samples, shuffled': () => sampled(parquet),
  });
} finally {
  rmSync(folder, { recursive: true });
}

interface Pass {
  readonly records: number;
  readonly seconds: number;
}

async function counted(items: AsyncIterable<unknown>): Promise<Pass> {
  const start = performance.now();
  let records = 0;
  for await (const _ of items) records += 1;
  return { records, seconds: (performance.now() - start) / 1000 };
}

/** One epoch of samples, without the pass that makes the index. */
async function sampled(file: string): Promise<Pass> {
  const { at, sources } = await openDataset({ path: file, streaming: true });
  const records = sources[0]!.size!; // a file has an end
  const start = performance.now();
  for (let number = 0; number < records; number++) await at(number);
  return { records, seconds: (performance.now() - start) / 1000 };
}

/** Medians of contenders that take turns; the first is what the others are compared with. */
async function compare(what: string, file: string, contenders: Readonly<Record<string, () => Promise<Pass>>>) {
  const rates = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, pass] of Object.entries(contenders)) {
      const { records, seconds } = await pass();
      if (records !== Number(count)) throw new RangeError(`${name} read ${records} of ${count} records.`);
      rates.get(name)!.push(records / seconds);
    }
  }
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  const [[control, controlRates]] = [...rates] as [[string, number[]]]; // there are contenders
  for (const [name, values] of rates) {
    const value = Math.round(median(values));
    const ratio = Number((value / median(controlRates)).toPrecision(3));
    const megabytes = Math.round(statSync(file).size / 1e6);
    const unit = `records/s of ${megabytes} MB`;
    console.log(JSON.stringify({ bench: `${what}: ${name}`, value, unit, control, ratio, load: loadavg()[0] }));
  }
}

function startPeer() {
  const child = spawn(python!, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    read: async (read: string, file: string): Promise<Pass> => {
      child.stdin.write(`${JSON.stringify({ read, path: file })}\n`);
      const { value } = await lines.next();
      return JSON.parse(String(value)) as Pass;
    },
    [Symbol.dispose]: () => void child.kill(),
  };
}
