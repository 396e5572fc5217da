import { expect, test } from 'vitest';
import { z } from 'zod';
import { settingsTables } from '../src/settings/describe-settings.ts';
import { helpText } from '../src/settings/help.ts';
import { jsonSchemaOf, settingKeys } from '../src/settings/setting-keys.ts';

const schema = z.strictObject({
  run: z.strictObject({ name: z.string().optional().describe('of the folder') }).prefault({}),
  training: z
    .strictObject({
      steps: z.int().min(1).default(300).describe('optimiser steps'),
      schedule: z
        .enum(['linear', 'cosine'])
        .default('cosine')
        .describe('how the learning rate goes on from there, until the last of the steps has been taken'),
      inner: z.strictObject({ betas: z.array(z.number()).default([0.9, 0.99]).describe('a | b') }).prefault({}),
    })
    .prefault({}),
});
const help = (...topics: string[]) => helpText(topics, { usage: 'Trains.', schema, columns: 80 });

test('help is the usage and every key with default and meaning, in the width of the terminal', () => {
  expect(help()).toBe(`Trains.

Settings:

  run.name                          of the folder

  training.steps        300         optimiser steps
  training.schedule     cosine      how the learning rate goes on from there,
                                    until the last of the steps has been taken
                                    (linear, cosine)
  training.inner.betas  [0.9,0.99]  a | b
`);
});

test('help of a topic is that of the section, or key, alone', () => {
  expect(help('training.inner')).toBe('  training.inner.betas  [0.9,0.99]  a | b\n');
  expect(help('training.steps', 'run')).toBe('  training.steps  300  optimiser steps\n\n  run.name    of the folder\n');
});

test('a topic that is none is refused with those that there are', () => {
  expect(() => help('traning')).toThrow('--help traning: there is no such section or key; did you mean training?');
  expect(() => help('weather')).toThrow('the sections are run, training.');
});

test('a README has a table for each section, with defaults as JSON; a bar of a text does not end its cell', () => {
  expect(settingsTables(settingKeys(jsonSchemaOf(schema)))).toBe(
    `### run

| key        | default | what it sets  |
| ---------- | ------- | ------------- |
| \`run.name\` |         | of the folder |

### training

| key                    | default      | what it sets                                                                         |
| ---------------------- | ------------ | ------------------------------------------------------------------------------------ |
| \`training.steps\`       | \`300\`        | optimiser steps                                                                      |
| \`training.schedule\`    | \`"cosine"\`   | how the learning rate goes on from there, until the last of the steps has been taken |
| \`training.inner.betas\` | \`[0.9,0.99]\` | a \\| b                                                                               |
`.trimEnd(),
  );
});
