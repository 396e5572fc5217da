// 200 training steps beside PyTorch, from the same start, on the same data: how far the losses come apart. One JSON line a curve.
// Run: FORGE_PYTHON=<an interpreter with torch and transformers> node bench/loss-curve.bench.ts [steps]
// With --golden <folder of golden models> it prints test/golden/loss-curves.json instead: curves that PyTorch takes from there.
import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { initialize, loadConfig, loadWeights, parseConfig } from '@forge/models';
import type { ModelWeights } from '@forge/trainer';
import { type CurveProblem, ourCurve, policyProblem, supervisedProblem, torchCurve } from './loss-curve-problem.ts';
import { TorchPeer } from './torch-peer.ts';

/** Largest difference of two losses of one step. */
const tolerance = 1e-3;
const python = process.env['FORGE_PYTHON'];
if (python === undefined) throw new Error('Set FORGE_PYTHON to an interpreter that has torch and transformers.');
await using peer = new TorchPeer(python, 'loss_curve_torch.py');

if (process.argv[2] === '--golden') await printGolden(process.argv[3]!);
else for (const family of ['Qwen3', 'Qwen2', 'Llama']) await measure(family, Number(process.argv[2] ?? 200));

async function measure(family: string, numSteps: number): Promise<void> {
  const vocabulary = 128;
  const config = parseConfig({
    architectures: [`${family}ForCausalLM`],
    model_type: family.toLowerCase(),
    vocab_size: vocabulary,
    hidden_size: 64,
    intermediate_size: 160,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    max_position_embeddings: 64,
    rope_theta: 10_000,
    tie_word_embeddings: family === 'Qwen3',
  });
  const model: ModelWeights = { config, weights: initialize(config, 1) };
  const problems: Readonly<Record<string, CurveProblem>> = {
    sft: supervisedProblem(vocabulary, numSteps),
    grpo: await policyProblem(model, numSteps),
  };
  for (const [kind, problem] of Object.entries(problems)) {
    const ours = await ourCurve(model, problem);
    const theirs = await torchCurve(peer, model, problem);
    const difference = Math.max(...ours.losses.map((loss, step) => Math.abs(loss - theirs.losses[step]!)));
    const figure = {
      bench: `loss curve: ${family}, ${kind}, ${numSteps} steps`,
      value: Number(difference.toPrecision(3)),
      unit: 'largest difference of a loss',
      control: 'the same steps in PyTorch',
      first: ours.losses[0],
      last: ours.losses.at(-1),
      load: loadavg()[0],
    };
    console.log(JSON.stringify(figure));
    assert.ok(difference < tolerance, `${figure.bench}: the losses differ by ${difference}`);
  }
}

async function printGolden(folder: string): Promise<void> {
  const cases: object[] = [];
  for (const name of ['qwen3_tied', 'qwen2', 'llama']) {
    const config = await loadConfig(join(folder, name));
    const model = { config, weights: await loadWeights(join(folder, name), config) };
    for (const problem of [supervisedProblem(config.vocabSize, 20, 4), await policyProblem(model, 20)]) {
      cases.push({ model: name, ...problem, ...(await torchCurve(peer, model, problem)) });
    }
  }
  console.log(JSON.stringify({ cases }));
}
