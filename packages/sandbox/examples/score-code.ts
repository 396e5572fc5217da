import { codeReward, PythonSandbox } from '@forge/sandbox';

await using sandbox = await PythonSandbox.open({ processes: 2, timeoutMs: 2_000 });
const reward = codeReward((code, options) => sandbox.execute(code, options));

const completion = 'It adds one:\n```python\ndef f(x):\n    return x + 1\n```';
console.log(await reward({ completion, target: 'assert f(1) == 2' })); // 1
