import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OpenedModel, openModel } from '../../src/open-model.ts';
import { chatInTerminal } from '../../src/server/terminal-chat.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
let model: OpenedModel;
beforeAll(async () => {
  folder = await makeModelFolder({ max_position_embeddings: 65_536 });
  model = await openModel(folder.path, { threads: 1 });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test('Ctrl-C ends an answer, and at the prompt the conversation', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, { isTTY: true }),
  );
  let printed = '';
  output!.on('data', (text: Buffer) => {
    printed += text.toString();
  });
  const ended = chatInTerminal(model, {
    system: undefined,
    maxTokens: 60_000,
    temperature: 1,
    structuredOutputs: { regex: '(ab){2000}' }, // long enough to be interrupted
    input: input!,
    output: output!,
  });
  input!.write('Hello\r');
  await expect.poll(() => printed).toContain('abab');
  input!.write('\u0003');
  await expect.poll(() => printed).toMatch(/\n\(interrupted\)\n.*> /s);
  expect(model.engine.numRunning + model.engine.numWaiting).toBe(0);
  input!.write('\u0003');
  await ended;
});
