import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors, saveModel } from '@forge/models';
import type { ModelWeights, Sequence, Training } from '@forge/trainer';
import type { Turn } from './take-turns.ts';
import { TorchPeer } from './torch-peer.ts';

/** Hugging Face's model with the weights of ours, on the same batch. */
export class PlainStepPeer implements AsyncDisposable {
  readonly #folder: string;
  readonly #python: TorchPeer;
  readonly #inputs: readonly Sequence[];

  private constructor(folder: string, python: TorchPeer, inputs: readonly Sequence[]) {
    this.#folder = folder;
    this.#python = python;
    this.#inputs = inputs;
  }

  static async open(
    python: string,
    model: ModelWeights,
    inputs: readonly Sequence[],
    threads: number,
  ): Promise<PlainStepPeer> {
    const folder = await mkdtemp(join(tmpdir(), 'forge-bench-'));
    await saveModel(folder, { ...model, dtype: 'float32' });
    const peer = new PlainStepPeer(folder, new TorchPeer(python, 'plain_step_torch.py'), inputs);
    const ids = inputs.map(({ promptIds, tokenIds }) => [...promptIds, ...tokenIds.slice(0, -1)]);
    await peer.#python.ask({ open: folder, threads, ids, targets: inputs.map(({ tokenIds }) => tokenIds) });
    return peer;
  }

  /** Steps; the first finds the caches cold and does not count. */
  turn(mode: string): Turn {
    return async () => {
      const { ms } = await this.#python.ask({ steps: 4, mode });
      return (ms as readonly number[]).slice(1); // as the script says
    };
  }

  /** The same loss and gradients in both, or an assertion fails. */
  async assertEqual(training: Training): Promise<void> {
    const file = join(this.#folder, 'gradients.safetensors');
    const { loss } = await this.#python.ask({ gradients: file });
    const count = this.#inputs.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    const weights = this.#inputs.map(({ tokenIds }) => tokenIds.map(() => -1 / count));
    const { logProbs } = await training.forwardBackward(this.#inputs, weights);
    const ours = -logProbs.reduce((sum, row) => row.reduce((a, b) => a + b, sum), 0) / count;
    assert.ok(Math.abs(ours - Number(loss)) < 1e-5, `the loss is ${ours}, and ${String(loss)} in PyTorch`);
    const theirs = await readSafetensors(file, { dtype: 'float32' });
    assert.deepEqual(Object.keys(theirs).toSorted(), Object.keys(training.gradients).toSorted());
    for (const [name, { data }] of Object.entries(training.gradients)) {
      const other = theirs[name]!.data as Float32Array; // read as float32
      const largest = other.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const difference = data.reduce((most, x, i) => Math.max(most, Math.abs(x - other[i]!)), 0); // of one shape
      assert.ok(difference <= 1e-4 * largest, `${name} differs by ${difference} of ${largest}`);
    }
    training.zeroGradients();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#python[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}
