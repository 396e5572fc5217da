import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Runtime } from '../../src/index.ts';

const source = (runtime: Runtime) => `
  import { add, graph, input, openSession } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)};
  const x = input('x', 'float32', [1]);
  await using session = await openSession(graph({ y: add(x, x) }), { threads: 1, runtime: '${runtime}' });
  await session.run({ x: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } }, ['y']);
  console.log(session.runtime);
`;

test.each<Runtime>(['c-api', 'binding'])('onnxruntime collects nothing (%s)', (runtime) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-onnx-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // Where CI is set, onnxruntime is silent by itself.
  const { CI: _ci, ORT_DISABLE_TELEMETRY: _ort, ...environment } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', source(runtime)], {
    env: { ...environment, TMPDIR: folder },
    encoding: 'utf8',
  });
  expect({ stdout, stderr }).toEqual({ stdout: `${runtime}\n`, stderr: '' });
  expect(readdirSync(folder)).toEqual([]);
});
