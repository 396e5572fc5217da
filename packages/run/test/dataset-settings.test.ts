import { expect, test } from 'vitest';
import { datasetSettings } from '../src/index.ts';
import { heldOutOf, namedSources } from '../src/source/named-sources.ts';

test.each<readonly [unknown, string, RegExp]>([
  [{ task: 'luck' }, 'task', /"luck" must be one of addition, /],
  [{ path: 'a.jsonl', task: 'addition' }, 'task', /path is a\.jsonl; leave out one of the two/],
  [{ sources: [{ weight: 2 }] }, 'sources.0', /a source needs path or task/],
  [{ sources: [{ path: 'a', task: 'addition' }] }, 'sources.0.task', /path is a; leave out one of the two/],
  [{ path: 'a', sources: [{ path: 'b' }] }, 'path', /dataset\.sources has it for each/],
  [{ split: 'test' }, 'split', /it needs path/],
  [{ task: 'addition', fields: { prompt: 'x' } }, 'fields', /it needs path/],
  [{ taskOptions: { digits: 2 } }, 'taskOptions', /it needs task/],
  [{ task: 'addition', taskOptions: { digits: 99 } }, 'taskOptions', /digits of the tasks addition is 99/],
  [{ streaming: true }, 'streaming', /it needs records, and no dataset\.path names any/],
  [{ task: 'addition', heldOutPath: 'b' }, 'heldOutPath', /it needs records/],
  [
    { path: 'a', streaming: true },
    'streaming',
    /the last records cannot be held out of a stream; say dataset\.heldOutBy: hash/,
  ],
])('%j is refused at %s', (settings, key, message) => {
  const issues = datasetSettings.safeParse(settings).error!.issues;
  expect(issues.map(({ path }) => path.join('.'))).toEqual([key]);
  expect(issues[0]!.message).toMatch(message);
});

test('one source is named at the top, several by their weights, and none is word problems', () => {
  expect(namedSources(datasetSettings.parse({}))).toEqual([]);
  expect(namedSources(datasetSettings.parse({ task: 'countdown', taskOptions: { numbers: 3 } }))).toEqual([
    { task: 'countdown', options: { numbers: 3 } },
  ]);
  const settings = datasetSettings.parse({
    onBroken: 'skip',
    sources: [
      { path: 'openai/gsm8k', config: 'main', weight: 3, name: 'gsm8k' },
      { path: 'a.jsonl', fields: { prompt: 'q', target: 'a' } },
      { task: 'addition' },
    ],
  });
  expect(namedSources(settings)).toMatchObject([
    { path: 'openai/gsm8k', config: 'main', weight: 3, name: 'gsm8k', onBroken: 'skip', maxBroken: 0.1 },
    { path: 'a.jsonl', fields: { prompt: 'q', target: 'a' }, weight: 1 },
    { task: 'addition', weight: 1 },
  ]);
});

test('what is held out is said in one of four ways', () => {
  const heldOut = (settings: object) => heldOutOf(datasetSettings.parse({ path: 'a', heldOut: 9, ...settings }));
  expect(heldOut({})).toEqual({ count: 9, by: 'end', share: 0.05 });
  expect(heldOut({ heldOutBy: 'hash', heldOutShare: 0.2 })).toEqual({ count: 9, by: 'hash', share: 0.2 });
  expect(heldOut({ heldOutSplit: 'test' })).toMatchObject({ count: 9, split: 'test' });
  expect(heldOut({ heldOutPath: 'b', heldOutSplit: 'test' })).toMatchObject({
    count: 9,
    source: { path: 'b', split: 'test' },
  });
});
