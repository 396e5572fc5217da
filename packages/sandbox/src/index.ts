export { type CodeRewardOptions, codeOf, codeReward, countPassed, type Execute } from './code-reward.ts';
export { SandboxKilledError, SandboxOptionsError, SandboxStartError, SandboxStoppedError } from './errors.ts';
export type { ExecuteOptions, Execution } from './execution.ts';
export type { Limits } from './limits.ts';
export { PythonSandbox, type SandboxOptions } from './python-sandbox.ts';
export { SandboxedPythonCoder } from './sandboxed-python-coder.ts';
