import { defineTool, type Tool } from '@forge/environments';
import type { PythonSandbox } from '@forge/sandbox';

/** A call may wait for others; the sandbox counts the time in which its code runs. */
const TIMEOUT_MS = 120_000;

/** A tool that runs Python: what it prints, and the value of its last line. */
export function pythonTool(sandbox: PythonSandbox): Tool {
  return defineTool({
    name: 'python',
    description: 'Runs Python; answers with what it prints and the value of the last line. Each call begins anew.',
    timeoutMs: TIMEOUT_MS,
    parameters: { type: 'object', properties: { code: { type: 'string' } }, required: ['code'] },
    call: async ({ code }) => {
      const { stdout, stderr, result, timedOut } = await sandbox.execute(code);
      if (timedOut) throw new RangeError('It took too long.');
      if (stderr !== '') throw new EvalError(stderr);
      return [stdout.trimEnd(), result ?? ''].filter((part) => part !== '' && part !== 'None').join('\n');
    },
  });
}
