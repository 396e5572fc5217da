import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Shared by every package: tests run from its folder, and the counts go to `.vitest/results.json`. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests of processes and sockets wait more than they compute: while one file does, another runs.
    maxWorkers: '100%',
    // A process for each file would cost more than most files: those that a worker runs share its modules. What a file starts or
    // sets ends with it, therefore; fixtures are tidied up by hooks that are called for each file, not when their module is loaded.
    isolate: false,
    // What other packages have built is loaded as their users load it, by Node.
    server: { deps: { external: [/\/dist\/.*\.js$/] } },
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
    // What tests start runs from source: with the compiled files kept, a process starts in a third of the time.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node-compile') },
    // A test that hangs must fail with its name; this is a deadlock guard, not a performance limit.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 100_000, interval: 20 } },
  },
});
