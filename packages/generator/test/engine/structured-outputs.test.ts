import Ajv from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Constraints } from '../../src/constraint/constraints.ts';
import type { StructuredOutputs } from '../../src/constraint/structured-outputs.ts';
import { streamCompletions } from '../../src/engine/stream-completions.ts';
import { type OpenedModel, openModel } from '../../src/open-model.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { parseToolCalls } from '../../src/text/tool-calls.ts';
import { openEngine } from '../golden-models.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
let model: OpenedModel;
beforeAll(async () => {
  folder = await makeModelFolder();
  model = await openModel(folder.path, { threads: 1, maxSequences: 8 });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const text = 'Answer: ';
const prompt = () => ({ text, ids: model.tokenizer.encode(text) });
const generate = (sampling: SamplingParams) => model.engine.generate(prompt(), resolveSamplingParams(sampling));
const person = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    kind: { enum: ['a', 'b "c"', 'é'] },
    friends: { type: 'array', items: { type: 'string', pattern: '^[A-Z][a-z]{0,5}$' }, maxItems: 2 },
    at: { type: 'string', format: 'date-time' },
    spouse: {
      anyOf: [
        { type: 'null' },
        { type: 'object', properties: { name: { type: 'string', maxLength: 4 } }, required: ['name'] },
      ],
    },
  },
  required: ['name', 'age', 'kind', 'friends', 'at'],
};

describe('a completion with structured outputs', () => {
  test('goes on where it was when memory runs out and it is computed again', async () => {
    // Keys and values of one token: 2 layers, 1 head of 16, float32.
    const kvCacheBytes = 12 * 64 * (2 * 2 * 16 * 4);
    await using small = await openModel(folder.path, { threads: 1, maxSequences: 8, kvCacheBytes });
    const params = resolveSamplingParams({
      n: 8,
      maxTokens: 220,
      seed: 2,
      structuredOutputs: { regex: '[a-f]{180}(-[0-9]){3,9}!' },
    });
    const asked = small.engine.generate(prompt(), params);
    let mostRunning = 0;
    let isPreempted = false;
    for (let isOver = false; !isOver; ) {
      isOver = await Promise.race([
        asked.then(() => true),
        new Promise<false>((resolve) => setImmediate(resolve, false)),
      ]);
      mostRunning = Math.max(mostRunning, small.engine.numRunning);
      isPreempted ||= small.engine.numRunning < mostRunning && small.engine.numWaiting > 0;
    }
    expect(isPreempted).toBe(true);
    const completions = await asked;
    for (const { text, finishReason } of completions) {
      expect([text, finishReason]).toEqual([expect.stringMatching(/^[a-f]{180}(-[0-9]){3,9}!$/), 'stop']);
    }
    const roomy = await model.engine.generate(prompt(), params);
    expect(completions.map(({ text }) => text)).toEqual(roomy.map(({ text }) => text));
  });

  test.each([
    { temperature: 1.5 },
    { temperature: 0 },
    { temperature: 1, topP: 0.9, frequencyPenalty: 1.5, minP: 0.01 },
  ])('is a value of its JSON schema, however it is drawn: %j', async (sampling) => {
    const validate = new Ajv.default({ strict: false, formats: { 'date-time': true } }).compile(person);
    const completions = await generate({
      n: 8,
      maxTokens: 400,
      seed: 1,
      structuredOutputs: { json: person },
      ...sampling,
    });
    for (const { text, finishReason } of completions) {
      expect(finishReason).toBe('stop');
      expect([text, validate(JSON.parse(text)) || validate.errors]).toEqual([text, true]);
    }
  });

  test.each<[StructuredOutputs, RegExp]>([
    [{ regex: '[a-z]{2,5}@[a-z]+\\.(com|org)' }, /^[a-z]{2,5}@[a-z]+\.(com|org)$/],
    [{ regex: 'yes|no', flags: 'i' }, /^(yes|no)$/iu],
    [{ regex: '\\p{Script=Han}{3}|[é漢]{2}' }, /^(\p{Script=Han}{3}|[é漢]{2})$/u],
    [{ choice: ['positive', 'negative', 'neutral'] }, /^(positive|negative|neutral)$/],
  ])('of %j matches it', async (structuredOutputs, pattern) => {
    for (const { text, finishReason } of await generate({ n: 8, maxTokens: 60, seed: 2, structuredOutputs })) {
      expect(text).toMatch(finishReason === 'stop' ? pattern : /./);
    }
  });

  test('ends, without an end token, where nothing else may follow, and with one where something might', async () => {
    const [exact] = await generate({ maxTokens: 50, structuredOutputs: { choice: ['only this'] } });
    expect(exact).toMatchObject({ text: 'only this', finishReason: 'stop' });
    expect(exact!.stoppedBy).toBeUndefined();
    expect(model.tokenizer.decode(exact!.tokenIds)).toBe('only this');
    const end = model.tokenizer.eosTokenIds[0]!;
    const logitBias = { [end]: 100 };
    const [short] = await generate({ maxTokens: 50, logitBias, structuredOutputs: { regex: 'aa[ab]*' } });
    expect(short).toMatchObject({ text: 'aa', finishReason: 'stop', stoppedBy: end });
  });

  test('takes a stop token of the request only where its text may end', async () => {
    const a = model.tokenizer.tokenId('a')!;
    const sampling = { maxTokens: 50, stopTokenIds: [a], logitBias: { [a]: 100 } };
    const [completion] = await generate({ ...sampling, structuredOutputs: { regex: 'b{3}a*' } });
    expect(completion!.text).toMatch(/^b{3}a*$/);
    expect(completion!.stoppedBy).toBe(a);
  });

  test('ends by its length when it is not complete then, and by a stop string before that', async () => {
    const [cut] = await generate({ maxTokens: 3, structuredOutputs: { regex: '[0-9]{30}' } });
    expect(cut).toMatchObject({ finishReason: 'length' });
    expect(cut!.text).toMatch(/^\d+$/);
    const [stopped] = await generate({ maxTokens: 50, stop: '5', structuredOutputs: { regex: '[1-9]{3}5{3}' } });
    expect(stopped!.text).toMatch(/^[1-46-9]{0,3}$/);
    expect(stopped!.stoppedBy).toBe('5');
  });

  test('that is complete with its last token counts as stopped, not as cut off', async () => {
    const [whole] = await generate({ maxTokens: 1, structuredOutputs: { choice: ['a'] } });
    expect(whole).toMatchObject({ text: 'a', finishReason: 'stop' });
  });

  test('is the same for the same seed, whatever else runs, and changes nothing for the others', async () => {
    const constrained: SamplingParams = { seed: 5, n: 2, maxTokens: 60, structuredOutputs: { json: person } };
    const free: SamplingParams = { seed: 6, n: 2, maxTokens: 30 };
    const alone = [await generate(constrained), await generate(free)];
    const together = await Promise.all([constrained, free, { ...constrained, seed: 7 }].map(generate));
    const told = (completions: (typeof alone)[number]) => completions.map(({ text, tokenIds }) => ({ text, tokenIds }));
    expect(together.slice(0, 2).map(told)).toEqual(alone.map(told));
  });

  test('comes as a stream, too', async () => {
    const params = resolveSamplingParams({ seed: 3, maxTokens: 80, structuredOutputs: { jsonObject: true } });
    const [whole] = await model.engine.generate(prompt(), params);
    let streamed = '';
    for await (const delta of streamCompletions(model.engine, prompt(), params)) streamed += delta.text;
    expect(streamed).toBe(whole!.text);
    expect(streamed[0]).toBe('{');
  });

  test('may be calls of tools, which their parser finds', async () => {
    const parameters = { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'] };
    const toolCalls = [{ name: 'weather', parameters }, { name: 'now' }];
    const completions = await generate({
      n: 8,
      seed: 1,
      maxTokens: 100,
      structuredOutputs: { toolCalls, maxCalls: 2, whitespace: 'spaced' },
    });
    for (const { text, finishReason } of completions) {
      const { toolCalls: calls, content } = parseToolCalls(text);
      expect([text, content, finishReason]).toEqual([text, '', 'stop']);
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) {
        if (call.name === 'now') expect(call.arguments).toEqual({});
        else expect(['Oslo', 'Rome']).toContain(call.arguments['city']);
      }
    }
  });

  test('has log-probabilities of the model, or of the tokens that were allowed', async () => {
    const sampling: SamplingParams = { seed: 4, maxTokens: 12, structuredOutputs: { regex: '[ab]{12}' } };
    const [policy] = await generate(sampling);
    const [sampled] = await generate({ ...sampling, logProbs: 'sampled', topLogProbs: 100 });
    expect(sampled!.tokenIds).toEqual(policy!.tokenIds);
    for (const [at, top] of sampled!.topLogProbs!.entries()) {
      expect(top.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0)).toBeCloseTo(1, 5);
      for (const { tokenId } of top) expect(model.tokenizer.decode([tokenId])).toMatch(/^[ab]+$/);
      expect(policy!.logProbs[at]!).toBeLessThan(sampled!.logProbs[at]!);
    }
    // The model's own are those of the same tokens without a constraint.
    const forced = await Promise.all(
      policy!.tokenIds.map((_, at) => {
        const ids = [...policy!.promptIds, ...policy!.tokenIds.slice(0, at)];
        return model.engine.generate(
          { text: '', ids },
          resolveSamplingParams({ maxTokens: 1, topLogProbs: 100, logProbs: 'raw' }),
        );
      }),
    );
    const found = forced.map(([one], at) =>
      one!.topLogProbs![0]!.find(({ tokenId }) => tokenId === policy!.tokenIds[at]),
    );
    const compared = found.flatMap((known, at) => (known ? [[known.logProb, policy!.logProbs[at]!] as const] : []));
    expect(compared.length).toBeGreaterThan(0);
    for (const [raw, reported] of compared) expect(reported).toBeCloseTo(raw, 4);
  });
});

describe('a request is refused, and others go on,', () => {
  test.each<[StructuredOutputs, string]>([
    [{ regex: '(?=a)' }, 'a lookahead'],
    [{ json: { type: 'object', properties: { a: { not: {} } } } }, "at /properties/a: 'not' is not supported"],
    [{ toolCalls: [{ name: 'a' }, { name: 'a' }] }, 'same name'],
  ])('when %j cannot be obeyed', async (structuredOutputs, problem) => {
    const other = generate({ maxTokens: 5, seed: 1 });
    await expect(generate({ structuredOutputs })).rejects.toThrow(problem);
    await expect(generate({ structuredOutputs })).rejects.toMatchObject({ code: 'ERR_GENERATOR_CONSTRAINT' });
    expect(await other).toHaveLength(1);
  });

  test('when the vocabulary cannot spell what would have to follow', async () => {
    const tokenBytes = (id: number) => (id === 3 ? Uint8Array.of(0x61) : undefined);
    const constraints = await Constraints.open({ tokenBytes, dropsLeadingSpace: false }, 100);
    await using engine = await openEngine('qwen3_tied', { constraints });
    const ask = (sampling: SamplingParams) => engine.generate({ text: '', ids: [1] }, resolveSamplingParams(sampling));
    const other = ask({ maxTokens: 5 });
    const constrained = ask({ maxTokens: 5, structuredOutputs: { regex: 'ab' } });
    await expect(constrained).rejects.toThrow('no token of the vocabulary');
    const [completion] = await other;
    expect(completion!.tokenIds).toHaveLength(5);
    expect((await ask({ structuredOutputs: { regex: 'aa' } }))[0]).toMatchObject({
      tokenIds: [3, 3],
      finishReason: 'stop',
    });
    expect(engine.numRunning + engine.numWaiting).toBe(0);
  });

  test('when the engine does not know the texts of its tokens', async () => {
    await using engine = await openEngine('qwen3_tied');
    const params = resolveSamplingParams({ structuredOutputs: { regex: 'a' } });
    await expect(engine.generate({ text: '', ids: [1] }, params)).rejects.toThrow('without the texts of its tokens');
  });

  test.each([
    {},
    { regex: 'a', json: {} },
    { regex: 1 },
    { grammar: 'x' },
    { choice: [] },
    { json: 'x' },
    { json: {}, flags: 'i' },
    null,
  ])('when the option is %j', (given) => {
    const structuredOutputs = given as unknown as StructuredOutputs;
    expect(() => resolveSamplingParams({ structuredOutputs })).toThrow('structuredOutputs');
  });
});
