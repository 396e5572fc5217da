/** What one kind of operator cost over all runs of a session. */
export interface OperatorTime {
  /** The operator after onnxruntime's own rewriting, such as `FusedMatMul`. */
  readonly operator: string;
  readonly calls: number;
  readonly totalMs: number;
  /** Part of the time of all operators, from 0 to 1. */
  readonly share: number;
  /** 10⁹ multiplications and additions in a second, counted for products of matrices; `undefined` for all others. */
  readonly gflops: number | undefined;
}

/** An event of onnxruntime's profile. Source: onnxruntime `core/common/profiler.cc`; the format is Chrome's. */
export interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly TypedShape[];
    readonly output_type_shape?: readonly TypedShape[];
  };
}

/** A shape under the name of its dtype: `{ float: [2, 3] }`. */
type TypedShape = Readonly<Record<string, readonly number[]>>;

const PRODUCTS: ReadonlySet<string> = new Set([
  'MatMul',
  'FusedMatMul',
  'Gemm',
  'DynamicQuantizeMatMul',
  'MatMulNBits',
]);

/** The times by operator, the longest first. */
export function operatorTimes(events: readonly ProfileEvent[]): OperatorTime[] {
  const sums = new Map<string, { calls: number; totalMs: number; operations: number }>();
  let allMs = 0;
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || args.op_name === undefined || !name.endsWith('_kernel_time')) continue;
    const sum = sums.get(args.op_name) ?? { calls: 0, totalMs: 0, operations: 0 };
    sum.calls += 1;
    sum.totalMs += dur / 1e3;
    sum.operations += PRODUCTS.has(args.op_name) ? operationsOf(args) : 0;
    allMs += dur / 1e3;
    sums.set(args.op_name, sum);
  }
  return [...sums]
    .map(([operator, { calls, totalMs, operations }]) => {
      const gflops = operations > 0 && totalMs > 0 ? operations / totalMs / 1e6 : undefined;
      return { operator, calls, totalMs, share: allMs === 0 ? 0 : totalMs / allMs, gflops };
    })
    .sort((a, b) => b.totalMs - a.totalMs);
}

/** One multiplication and one addition for each element of the result and each of those that are summed to it. */
function operationsOf({ input_type_shape, output_type_shape }: ProfileEvent['args']): number {
  const [left = []] = Object.values(input_type_shape?.[0] ?? {});
  const [result = []] = Object.values(output_type_shape?.[0] ?? {});
  const rows = result.at(-2) ?? 1;
  if (left.length < 2 || rows === 0) return 0;
  // The left operand is [M, K] or [K, M]; the result has the M.
  const summed = (left.at(-1)! * left.at(-2)!) / rows;
  return 2 * summed * result.reduce((product, size) => product * size, 1);
}

type Column = readonly [title: string, cell: (time: OperatorTime) => string];

const COLUMNS: readonly Column[] = [
  ['operator', ({ operator }) => operator],
  ['calls', ({ calls }) => `${calls}`],
  ['total ms', ({ totalMs }) => totalMs.toFixed(2)],
  ['share', ({ share }) => `${(share * 100).toFixed(1)} %`],
  ['GFLOP/s', ({ gflops }) => gflops?.toFixed(1) ?? ''],
];

/** The times as a table for people, one operator a line. */
export function profileTable(times: readonly OperatorTime[]): string {
  const columns = COLUMNS.map(([title, cell], i) => {
    const cells = [title, ...times.map(cell)];
    const width = Math.max(...cells.map(({ length }) => length));
    return cells.map((text) => (i === 0 ? text.padEnd(width) : text.padStart(width)));
  });
  return ['', ...times]
    .map((_, row) =>
      columns
        .map((column) => column[row])
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
