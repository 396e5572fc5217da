import { execFile } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { initialize, parseConfig, saveModel } from '../src/index.ts';
import { goldenFolder, temporaryFolder } from './temporary-folder.ts';

test('the example of the README runs as it stands, on a model made here', async () => {
  const folder = await temporaryFolder();
  const config = parseConfig({
    model_type: 'llama',
    vocab_size: 640,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: 64,
  });
  await saveModel(folder, { config, weights: initialize(config, 'readme') });
  await cp(goldenFolder('tokenizer'), folder, { recursive: true });

  const root = join(import.meta.dirname, '..');
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const example = /```ts\n(.*?)```/s.exec(readme)![1]!.replace('models/Qwen3-0.6B', folder);
  const program = `${example}\nconsole.log(JSON.stringify([...log_probs.data]));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '--no-warnings', '--eval', program],
    { cwd: root },
  );
  // A new model knows nothing: every token is about as likely as any other.
  const logProbs: readonly number[] = JSON.parse(stdout);
  expect(logProbs.length).toBeGreaterThan(10);
  for (const logProb of logProbs) expect(Math.abs(logProb + Math.log(640))).toBeLessThan(0.5);
});
