import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenedModel, openModel } from '../../src/open-model.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { type CompletionServer, serve } from '../../src/server/serve.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
let model: OpenedModel;
let server: CompletionServer;
let client: OpenAI;
beforeAll(async () => {
  folder = await makeModelFolder();
  model = await openModel(folder.path, { threads: 1, maxSequences: 4 });
  server = await serve(model, { name: 'small', apiKeys: ['first key', 'second key'], maxBodyBytes: 100_000 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'second key', maxRetries: 0 });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const question = 'What is 2 + 3?';
const messages = [{ role: 'user' as const, content: question }];

/** What the engine itself gives for a text. */
async function expected(text: string, sampling: SamplingParams = {}) {
  const ids = model.tokenizer.encode(text);
  return model.engine.generate({ text, ids }, resolveSamplingParams({ logProbs: 'raw', ...sampling }));
}
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

describe('the openai client', () => {
  test('completes text, whole and as a stream', async () => {
    const [completion] = await expected(question, { maxTokens: 12, seed: 3 });
    const asked = { model: 'small', prompt: question, max_tokens: 12, seed: 3 };
    const whole = await client.completions.create(asked);
    expect(whole.choices).toEqual([{ index: 0, text: completion!.text, finish_reason: 'length', logprobs: null }]);
    const numPrompt = completion!.promptIds.length;
    expect(whole.usage).toEqual({ prompt_tokens: numPrompt, completion_tokens: 12, total_tokens: numPrompt + 12 });
    let streamed = '';
    const stream = await client.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } });
    let usage: unknown;
    for await (const chunk of stream) {
      streamed += chunk.choices[0]?.text ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(streamed).toBe(completion!.text);
    expect(usage).toEqual(whole.usage);
  });

  test('completes several prompts, of text or of tokens, with several completions each', async () => {
    const prompts = [question, 'Count: 1, 2'];
    const sampling = { n: 2, max_tokens: 5, seed: 1 };
    const byText = await client.completions.create({ model: 'small', prompt: prompts, ...sampling });
    expect(byText.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const wanted = await Promise.all(prompts.map((text) => expected(text, { n: 2, maxTokens: 5, seed: 1 })));
    expect(byText.choices.map(({ text }) => text)).toEqual(wanted.flat().map(({ text }) => text));
    const ids = prompts.map((text) => model.tokenizer.encode(text));
    const byIds = await client.completions.create({ model: 'small', prompt: ids, ...sampling, stream: true });
    const texts = ['', '', '', ''];
    for await (const { choices } of byIds) for (const { index, text } of choices) texts[index] += text;
    expect(texts).toEqual(byText.choices.map(({ text }) => text));
  });

  test('chats, whole and as a stream, with log-probabilities', async () => {
    const text = model.tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
    const [completion] = await expected(text, { maxTokens: 6, seed: 2, topLogProbs: 2, temperature: 0.5 });
    const asked = { model: 'small', messages, max_completion_tokens: 6, seed: 2, temperature: 0.5 };
    const whole = await client.chat.completions.create({ ...asked, logprobs: true, top_logprobs: 2 });
    expect(whole.choices[0]?.message).toMatchObject({ role: 'assistant', content: completion!.text });
    const content = whole.choices[0]?.logprobs?.content ?? [];
    expect(content.map(({ logprob }) => logprob)).toEqual([...completion!.logProbs]);
    expect(content.map(({ top_logprobs }) => top_logprobs.map(({ logprob }) => logprob))).toEqual(
      completion!.topLogProbs!.map((top) => top.map(({ logProb }) => logProb)),
    );
    expect(content.map(({ token }) => token)).toEqual(completion!.tokenIds.map((id) => model.tokenizer.decode([id])));
    const runner = client.chat.completions.stream(asked);
    let streamed = '';
    runner.on('content', (piece) => {
      streamed += piece;
    });
    const final = await runner.finalChatCompletion();
    expect(streamed).toBe(completion!.text);
    expect(final.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: completion!.text } });
  });

  test('stops at a stop string and tells of log-probabilities of text', async () => {
    const [free] = await expected(question, { maxTokens: 12, seed: 3 });
    const stop = free!.text.slice(6, 8);
    const asked = { model: 'small', prompt: question, max_tokens: 12, seed: 3, stop: [stop], logprobs: 2 };
    const { choices } = await client.completions.create(asked);
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', text: free!.text.slice(0, free!.text.indexOf(stop)) });
    const { logprobs } = choices[0]!;
    expect(logprobs?.tokens?.join('')).toContain(stop);
    expect(logprobs?.token_logprobs).toHaveLength(logprobs!.tokens!.length);
    expect(Object.keys(logprobs!.top_logprobs![0]!)).toHaveLength(2);
    const whole = await client.completions.create({ ...asked, stop: [] });
    const { tokens, text_offset } = whole.choices[0]!.logprobs!;
    expect(text_offset?.slice(0, 2)).toEqual([0, tokens?.[0]?.length]);
  });

  test('lists the model', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['small']);
  });

  test('is refused with a wrong key, a strange model, and whatever cannot be obeyed', async () => {
    const wrong = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'third key', maxRetries: 0 });
    await expect(wrong.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
    const strange = client.completions.create({ model: 'large', prompt: 'a' });
    await expect(strange).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    const bodies: readonly [object, string][] = [
      [{ prompt: 'a', temperature: 3 }, 'temperature'],
      [{ prompt: 'a', max_tokens: 0 }, 'max_tokens'],
      [{ prompt: 'a', n: 1.5 }, 'n'],
      [{ prompt: 'a', best_of: 4 }, 'best_of'],
      [{ prompt: 'a', logit_bias: { 999999: 1 } }, 'logit_bias'],
      [{ prompt: 'a', max_token: 5 }, 'max_token'],
      [{ prompt: 'a', n: 0 }, 'n'],
      [{ prompt: 'a', n: 1000 }, 'n'],
      [{ prompt: Array(100).fill('a'), n: 11 }, 'n'],
      [{ prompt: Array(1025).fill([1]) }, 'prompt'],
      [{ prompt: Array(2049).fill([1]) }, 'prompt'],
      [{ prompt: 'a', stream_options: { include_usage: true } }, 'stream_options'],
      [{ prompt: 'a', stop: [''] }, 'stop.0'],
      [{ prompt: 'a', logprobs: 101 }, 'logprobs'],
      [{ prompt: 'a', echo: true }, 'echo'],
      [{ prompt: 'a', seed: 'one' }, 'seed'],
      [{ prompt: [1, 'a'] }, 'prompt'],
      [{ prompt: [] }, 'prompt'],
      [{}, 'prompt'],
    ];
    for (const [body, param] of bodies) {
      const refused = client.post('/completions', { body: { model: 'small', ...body } });
      await expect(refused).rejects.toMatchObject({ status: 400, param });
    }
    for (const prompt of ['', [999_999], 'a '.repeat(600)]) {
      const refused = client.completions.create({ model: 'small', prompt });
      await expect(refused).rejects.toMatchObject({ status: 400, code: 'invalid_prompt' });
    }
    const long = client.completions.create({ model: 'small', prompt: 'Count: 1, 2. '.repeat(7000) });
    await expect(long).rejects.toThrow('The first 2048 of the 91000 characters of the prompt have');
    const chats: readonly [object, string][] = [
      [{ messages: [] }, 'messages'],
      [{ messages: [{ content: 'no role' }] }, 'messages.0.role'],
      [{ messages, tool_choice: 'required' }, 'tool_choice'],
      [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: '' }] }] }, 'messages.0.content'],
    ];
    for (const [body, param] of chats) {
      const refused = client.post('/chat/completions', { body: { model: 'small', ...body } });
      await expect(refused).rejects.toMatchObject({ status: 400, param });
    }
    const unasked = client.chat.completions.create({ model: 'small', messages, top_logprobs: 2 });
    await expect(unasked).rejects.toMatchObject({ status: 400, param: 'top_logprobs' });
  });

  test('that leaves in the middle of a stream frees its slots, and the others go on', async () => {
    const other = client.completions.create({ model: 'small', prompt: question, max_tokens: 40, seed: 9 });
    const stream = await client.completions.create({
      model: 'small',
      prompt: 'a',
      n: 3,
      max_tokens: 400,
      stream: true,
    });
    for await (const _ of stream) break;
    expect((await other).choices[0]?.text).toBe((await expected(question, { maxTokens: 40, seed: 9 }))[0]!.text);
    await until(() => model.engine.numRunning + model.engine.numWaiting === 0);
  });
});

describe('the server', () => {
  const key = { authorization: 'Bearer first key' };
  const post = (body: string | Uint8Array<ArrayBuffer>, path = '/v1/completions') =>
    fetch(server.url + path, { method: 'POST', headers: key, body });

  test.each([
    ['no JSON', '{"model":', 400, 'invalid_json'],
    ['no object', '[1, 2]', 400, 'invalid_json'],
    ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 400, 'invalid_json'],
    ['more than is allowed', JSON.stringify({ prompt: 'a'.repeat(200_000) }), 413, 'body_too_large'],
  ])('refuses a body of %s', async (_, body, status, code) => {
    const response = await post(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code, type: 'invalid_request_error' } });
  });

  test('says where nothing is, and what a path takes', async () => {
    expect((await post('{}', '/v1/images')).status).toBe(404);
    expect((await fetch(`${server.url}/v1/completions`, { headers: key })).status).toBe(405);
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
  });

  test('tells of its health and its work', async () => {
    expect(await (await fetch(`${server.url}/health`)).json()).toEqual({ status: 'ok', version: 0 });
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^vllm:generation_tokens_total\{model_name="small"\} [1-9]/m);
    expect(text).toMatch(/^vllm:request_success_total\{finished_reason="length",model_name="small"\} [1-9]/m);
    expect(text).toMatch(/^vllm:num_requests_running\{model_name="small"\} 0$/m);
    expect(text).toMatch(
      /^forge:http_requests_total\{path="\/v1\/completions",status="400",model_name="small"\} [1-9]/m,
    );
    expect(text).toMatch(/^vllm:e2e_request_latency_seconds_bucket\{le="\+Inf",model_name="small"\} [1-9]/m);
  });

  test('answers 429 when enough wait already, and says when to come back', async () => {
    await using small = await serve(model, { name: 'small', maxWaiting: 0 });
    const response = await fetch(`${small.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'small', prompt: 'a' }),
    });
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('1');
  });

  test('that closes lets a request finish and refuses new ones', async () => {
    const closing = await serve(model, { name: 'small' });
    const own = new OpenAI({ baseURL: `${closing.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const running = own.completions.create({ model: 'small', prompt: question, max_tokens: 60, seed: 4 });
    await until(() => model.engine.numRunning > 0);
    const closed = closing.close(60_000);
    await expect(own.models.list()).rejects.toThrow();
    expect((await running).choices[0]?.finish_reason).toBe('length');
    await closed;
  });

  test('that closes without grace gives up what runs', async () => {
    const closing = await serve(model, { name: 'small' });
    const own = new OpenAI({ baseURL: `${closing.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const running = own.completions.create({ model: 'small', prompt: question, max_tokens: 400 });
    running.catch(() => {});
    await until(() => model.engine.numRunning > 0);
    await closing.close();
    await expect(running).rejects.toThrow(OpenAI.APIError);
    await until(() => model.engine.numRunning === 0);
  });

  test.each([
    [
      'half a body',
      'POST /v1/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer first key\r\ncontent-length: 1000\r\n\r\n{"model"',
      /^HTTP\/1.1 400 /,
    ],
    ['what is no HTTP', 'What is 2 + 3?\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a path that is no URL', 'GET // HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', /^HTTP\/1.1 404 /],
    ['headers without an end', `GET /health HTTP/1.1\r\n${'a: b\r\n'.repeat(10_000)}`, /^HTTP\/1.1 431 /],
    [
      'two lengths',
      'POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      /^HTTP\/1.1 400 /,
    ],
  ])('outlives a client that sends %s', async (_, sent, answered) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.end(sent); // and says no more
    expect(await text(socket).catch(() => '')).toMatch(answered);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  test('frees within a step what a client asked for that vanishes in the middle of a stream', async () => {
    const other = expected(question, { maxTokens: 200, seed: 9 });
    const { hostname, port } = new URL(server.url);
    const body = JSON.stringify({ model: 'small', prompt: 'a', n: 3, max_tokens: 400, stream: true });
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer first key\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, 'data');
    expect(model.engine.numRunning).toBe(4);
    socket.resetAndDestroy();
    await until(() => model.engine.numRunning === 1); // the other runs on
    expect((await other)[0]!.tokenIds).toHaveLength(200);
    expect((await other)[0]!.text).toBe((await expected(question, { maxTokens: 200, seed: 9 }))[0]!.text);
  });
});
