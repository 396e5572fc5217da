import { describe, expect, test } from 'vitest';
import type { Reply } from '../../src/environment.ts';
import type { Task } from '../../src/task.ts';
import { calculator } from '../../src/tools/calculator.ts';
import { defineTool } from '../../src/tools/tool.ts';
import { type ToolEnvironmentOptions, toolEnvironment } from '../../src/tools/tool-environment.ts';

const task: Task = { messages: [{ role: 'user', content: 'What is 6 × 7?' }], target: '42' };
const nothing = { type: 'object', properties: {} } as const;

let wasAborted = false;
const tools = [
  calculator,
  defineTool({
    name: 'throw',
    description: 'Throws.',
    parameters: nothing,
    call: () => {
      throw new RangeError('no luck');
    },
  }),
  defineTool({
    name: 'hang',
    description: 'Never answers.',
    parameters: nothing,
    call: (_, { signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          wasAborted = true;
        });
      }),
  }),
  defineTool({ name: 'flood', description: '1 MB.', parameters: nothing, call: () => 'x'.repeat(2 ** 20) }),
  defineTool({ name: 'data', description: 'No text.', parameters: nothing, call: async () => ({ a: [1, undefined] }) }),
  defineTool({ name: 'silence', description: 'Nothing.', parameters: nothing, call: () => undefined }),
];

const call = (name: string, given: Readonly<Record<string, unknown>> = {}) => ({ name, arguments: given });

async function stepWith(reply: Partial<Reply>, options: ToolEnvironmentOptions = {}) {
  const environment = toolEnvironment(tools, options)();
  await environment.reset(task);
  return environment.step({ text: '…', ...reply });
}

/** What the model is told of a turn with one call. */
async function told(name: string, given: Readonly<Record<string, unknown>> = {}, options?: ToolEnvironmentOptions) {
  const { observation, info } = await stepWith({ toolCalls: [call(name, given)] }, options);
  return { content: observation![0]!.content, failures: info!['toolFailures'] };
}

describe('calls of tools', () => {
  test('are answered in order, each by a message of the tool', async () => {
    const toolCalls = [call('calculator', { expression: '6*7' }), call('calculator', { expression: '1/8' })];
    expect(await stepWith({ toolCalls })).toEqual({
      done: false,
      observation: [
        { role: 'tool', name: 'calculator', content: '42' },
        { role: 'tool', name: 'calculator', content: '0.125' },
      ],
      info: { toolCalls: 2, toolFailures: 0 },
    });
  });

  test('answer in JSON where it is no text', async () => {
    expect(await told('data')).toEqual({ content: '{"a":[1,null]}', failures: 0 });
    expect(await told('silence')).toEqual({ content: 'null', failures: 0 });
  });

  test('that throw are told as an error, and counted', async () => {
    expect(await told('throw')).toEqual({ content: '{"error":"no luck"}', failures: 1 });
  });

  test('of a tool that is not there say which are', async () => {
    const { content, failures } = await told('calc');
    expect(JSON.parse(content)).toEqual({
      error: 'There is no tool "calc"; there are: calculator, throw, hang, flood, data, silence.',
    });
    expect(failures).toBe(1);
  });

  test.each([
    [{}, 'expression'],
    [{ expression: 42 }, 'expression'],
    [{ expression: '1', precision: 2 }, 'precision'],
  ])('whose arguments do not fit are refused: %j', async (given, named) => {
    const { content, failures } = await told('calculator', given);
    expect(content).toMatch(/^\{"error":"The arguments do not fit: /);
    expect(content).toContain(named);
    expect(failures).toBe(1);
  });

  test('that never answer fail in time, and hear of it', async () => {
    const { content, failures } = await told('hang', {}, { timeoutMs: 20 });
    expect(content).toBe('{"error":"No answer within 20 ms."}');
    expect(failures).toBe(1);
    expect(wasAborted).toBe(true);
  });

  test('may have a time of their own', async () => {
    const wait = { name: 'wait', description: '', parameters: nothing, call: () => new Promise(() => {}) };
    const environment = toolEnvironment([defineTool({ ...wait, timeoutMs: 20 })], { timeoutMs: 100_000 })();
    await environment.reset(task);
    const { observation } = await environment.step({ text: '', toolCalls: [call('wait')] });
    expect(observation![0]!.content).toBe('{"error":"No answer within 20 ms."}');
  });

  test('with long results are cut, and say how long they were', async () => {
    const { content, failures } = await told('flood', {}, { maxResultLength: 100 });
    expect(content).toBe(`${'x'.repeat(100)}… (1048576 characters)`);
    expect(failures).toBe(0);
  });

  test('that cannot be read are answered with how a call is written', async () => {
    const { observation, info } = await stepWith({ numMalformedCalls: 1 });
    expect(observation![0]!.content).toContain('{\\"name\\": <the tool>');
    expect(info).toEqual({ toolCalls: 1, toolFailures: 1 });
  });

  test('beyond the limit of an episode fail', async () => {
    const environment = toolEnvironment(tools, { maxToolCalls: 2 })();
    await environment.reset(task);
    const once = { text: '', toolCalls: [call('data'), call('data')] };
    expect((await environment.step(once)).info).toEqual({ toolCalls: 2, toolFailures: 0 });
    expect((await environment.step(once)).info).toEqual({ toolCalls: 2, toolFailures: 2 });
  });
});

describe('a turn without calls', () => {
  test('ends the episode without a reward of its own', async () => {
    expect(await stepWith({ text: '42' })).toEqual({ done: true });
  });

  test('is judged with the calls that had a result', async () => {
    const judge = ({ called, answer }: { called: readonly string[]; answer: Reply }) =>
      called.join() === 'data' && answer.text === '42' ? 1 : 0;
    const environment = toolEnvironment(tools, { judge })();
    await environment.reset(task);
    await environment.step({ text: '', toolCalls: [call('throw'), call('data')] });
    expect(await environment.step({ text: '42' })).toEqual({ done: true, reward: 1 });
  });
});

test('tools are described to the model', async () => {
  const { tools: described } = await toolEnvironment([calculator])().reset(task);
  expect(described).toEqual([
    {
      type: 'function',
      function: {
        name: 'calculator',
        description: 'The value of an arithmetic expression.',
        parameters: {
          type: 'object',
          properties: { expression: { type: 'string', description: 'Numbers, + - * / and parentheses.' } },
          required: ['expression'],
        },
      },
    },
  ]);
});

test('a tool needs a name and parameters that can be checked', () => {
  const define = (name: string, parameters: object) => () =>
    defineTool({ name, description: '', parameters: parameters as typeof nothing, call: () => '' });
  const toolError = expect.objectContaining({ code: 'ERR_ENVIRONMENTS_TOOL' });
  expect(define('two words', nothing)).toThrow(toolError);
  expect(define('wrong', { type: 'object', properties: { a: { type: 'colour' } } })).toThrow(toolError);
});
