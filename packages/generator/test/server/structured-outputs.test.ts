import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type OpenedModel, openModel } from '../../src/open-model.ts';
import { type CompletionServer, serve } from '../../src/server/serve.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
let model: OpenedModel;
let server: CompletionServer;
let client: OpenAI;
beforeAll(async () => {
  folder = await makeModelFolder({ max_position_embeddings: 1024 });
  model = await openModel(folder.path, { threads: 1, maxSequences: 4 });
  server = await serve(model, { name: 'small' });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const messages = [{ role: 'user' as const, content: 'Who?' }];
const Person = z.object({
  name: z.string().max(8),
  age: z.int().min(0).max(150),
  email: z.union([z.null(), z.string().regex(/^[a-z]{1,5}@example\.org$/)]),
  pets: z
    .array(
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('cat'), lives: z.int().min(1).max(9) }),
        z.object({ kind: z.literal('dog'), isGood: z.boolean() }),
      ]),
    )
    .max(2),
});

describe('the openai client gets', () => {
  test('what a schema of zod says, parsed', async () => {
    const { choices } = await client.chat.completions.parse({
      model: 'small',
      messages,
      n: 4,
      seed: 1,
      response_format: zodResponseFormat(Person, 'person'),
    });
    expect(choices).toHaveLength(4);
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe('stop');
      expect(Person.parse(JSON.parse(message.content!))).toEqual(message.parsed);
    }
  });

  test('the same as a stream', async () => {
    const asked = { model: 'small', messages, seed: 2, response_format: zodResponseFormat(Person, 'person') };
    const whole = await client.chat.completions.create(asked);
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    expect(streamed.choices[0]!.message.content).toBe(whole.choices[0]!.message.content);
    expect(Person.parse(streamed.choices[0]!.message.parsed)).toBeDefined();
  });

  test('an object of any kind, or a text', async () => {
    const asked = { model: 'small', messages, seed: 3, max_tokens: 200, temperature: 1.2 };
    const object = await client.chat.completions.create({ ...asked, n: 4, response_format: { type: 'json_object' } });
    for (const { message, finish_reason } of object.choices) {
      expect(message.content![0]).toBe('{');
      if (finish_reason === 'stop') expect(JSON.parse(message.content!)).toBeTypeOf('object');
    }
    const free = await client.chat.completions.create({ ...asked, response_format: { type: 'text' } });
    const plain = await client.chat.completions.create(asked);
    expect(free.choices[0]!.message.content).toBe(plain.choices[0]!.message.content);
  });

  test.each([
    [{ structured_outputs: { regex: '[0-9]{3}' } }, /^\d{3}$/],
    [{ structured_outputs: { choice: ['red', 'blue'] } }, /^(red|blue)$/],
    [
      { structured_outputs: { json: { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 2 } } },
      /^\[(true|false),(true|false)\]$/,
    ],
    [{ guided_regex: 'a{2}' }, /^aa$/],
    [{ guided_choice: ['x'] }, /^x$/],
    [{ guided_json: { const: { a: 1 } } }, /^\{"a":1\}$/],
  ])('text by the fields of vLLM: %j', async (fields, pattern) => {
    const { choices } = await client.completions.create({ model: 'small', prompt: 'a', max_tokens: 60, ...fields });
    expect(choices[0]!.text).toMatch(pattern);
    expect(choices[0]!.finish_reason).toBe('stop');
    const chat = await client.chat.completions.create({ model: 'small', messages, ...fields });
    expect(chat.choices[0]!.message.content).toMatch(pattern);
  });
});

const parameters = { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'] };
const tools = [
  { type: 'function' as const, function: { name: 'weather', parameters } },
  { type: 'function' as const, function: { name: 'now' } },
];

describe('tools', () => {
  test('are called when one is required, with arguments of its schema', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'small',
      messages,
      n: 6,
      seed: 1,
      tools,
      tool_choice: 'required',
      max_tokens: 300,
    });
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).not.toBe('stop');
      if (finish_reason === 'length') continue;
      expect(message.content).toBeNull();
      expect(message.tool_calls!.length).toBeGreaterThan(0);
      for (const call of message.tool_calls!) {
        if (call.type !== 'function') throw new TypeError('another kind of tool');
        const given = JSON.parse(call.function.arguments);
        if (call.function.name === 'weather') expect(['Oslo', 'Rome']).toContain(given.city);
        else expect([call.function.name, given]).toEqual(['now', {}]);
      }
    }
    expect(choices.some(({ finish_reason }) => finish_reason === 'tool_calls')).toBe(true);
  });

  test('are called once when a certain one is named or calls are not parallel, as a stream, too', async () => {
    const named = { type: 'function' as const, function: { name: 'weather' } };
    for (const choice of [{ tool_choice: named }, { tool_choice: 'required' as const, parallel_tool_calls: false }]) {
      const asked = { model: 'small', messages, tools, seed: 4, ...choice };
      const { choices } = await client.chat.completions.create(asked);
      const calls = choices[0]!.message.tool_calls!;
      expect(calls).toHaveLength(1);
      const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
      const told = (all: typeof calls) =>
        all.map((call) => call.type === 'function' && { name: call.function.name, given: call.function.arguments });
      expect(told(streamed.choices[0]!.message.tool_calls!)).toEqual(told(calls));
      if (choice.tool_choice === named) expect(calls[0]).toMatchObject({ function: { name: 'weather' } });
    }
  });
});

test.each<[object, string, RegExp]>([
  [
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a', schema: { type: 'object', properties: { b: { if: {} } } } },
      },
    },
    'response_format',
    /at \/properties\/b: 'if' is not supported/,
  ],
  [{ response_format: { type: 'json_schema', json_schema: { name: 'a' } } }, 'response_format.json_schema.schema', /./],
  [{ response_format: { type: 'xml' } }, 'response_format.type', /./],
  [{ structured_outputs: { regex: '(?=a)' } }, 'structured_outputs', /a lookahead/],
  [{ structured_outputs: { regex: 'a[' } }, 'structured_outputs', /Unterminated character class/],
  [{ structured_outputs: {} }, 'structured_outputs', /names no constraint/],
  [{ structured_outputs: { regex: 'a', choice: ['b'] } }, 'structured_outputs', /already/],
  [{ structured_outputs: { grammar: 'root ::= "a"' } }, 'grammar', /Unknown parameter/],
  [
    { response_format: { type: 'json_object' }, guided_regex: 'a' },
    'guided_regex',
    /response_format constrains the answer already/,
  ],
  [{ tools, tool_choice: 'required', response_format: { type: 'json_object' } }, 'response_format', /tools constrains/],
  [{ tools, tool_choice: { type: 'function', function: { name: 'later' } } }, 'tool_choice', /no such tool/],
  [{ tool_choice: 'required' }, 'tool_choice', /no such tool/],
  [{ tools: [{ type: 'function' }], tool_choice: 'required' }, 'tools.0', /./],
  [
    {
      tools: [
        {
          type: 'function',
          function: { name: 'a', parameters: { type: 'object', properties: { b: { type: 'int' } } } },
        },
      ],
      tool_choice: 'required',
    },
    'tools',
    /'type' must be one or several/,
  ],
])('a chat with %j is refused', async (fields, param, problem) => {
  const refused = client.post('/chat/completions', { body: { model: 'small', messages, ...fields } });
  await expect(refused).rejects.toMatchObject({
    status: 400,
    param,
    type: 'invalid_request_error',
    message: expect.stringMatching(problem),
  });
});
