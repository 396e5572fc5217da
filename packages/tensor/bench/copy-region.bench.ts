// Copies boxes between tensors; the control is one memcpy of as many bytes. Ratio 1 = as fast as memcpy.
import { copyRegion, fromFloat16, tensor, toBfloat16, toFloat16 } from '../src/index.ts';

const rounds = 7;

function medianSeconds(task: () => void): number {
  const seconds = Array.from({ length: rounds }, () => {
    const start = performance.now();
    task();
    return (performance.now() - start) / 1000;
  });
  return seconds.sort((a, b) => a - b)[Math.floor(rounds / 2)]!;
}

function report(bench: string, { bytes, task }: { readonly bytes: number; readonly task: () => void }): void {
  const from = new Uint8Array(bytes);
  const to = new Uint8Array(bytes);
  task();
  to.set(from);
  const control = bytes / medianSeconds(() => to.set(from)) / 1e9;
  const value = bytes / medianSeconds(task) / 1e9;
  const round = (figure: number) => Number(figure.toFixed(3));
  console.log(
    JSON.stringify({
      bench,
      value: round(value),
      unit: 'GB/s',
      control: round(control),
      ratio: round(value / control),
    }),
  );
}

const source = tensor('float32', [4096, 4096]);
const target = tensor('float32', [4096, 4096]);

for (const [name, columns] of [
  ['whole', 4096],
  ['rows of 8 KiB', 2048],
  ['rows of 512 B', 128],
  ['rows of 64 B', 16],
  ['single elements', 1],
] as const) {
  const copy = { sourceOffset: [0, 0], targetOffset: [0, 0], size: [4096, columns] };
  report(`copyRegion float32, ${name}`, { bytes: 4096 * columns * 4, task: () => copyRegion(source, target, copy) });
}

const half = new Uint16Array(source.data.length);
source.data.forEach((_, index, data) => {
  data[index] = Math.sin(index);
});
report('toFloat16', { bytes: source.data.byteLength, task: () => toFloat16(source.data, half) });
report('fromFloat16', { bytes: source.data.byteLength, task: () => fromFloat16(half, target.data) });
report('toBfloat16', { bytes: source.data.byteLength, task: () => toBfloat16(source.data, half) });
