import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lengthBeforeToolCalls, parseToolCalls } from '../../src/text/tool-calls.ts';

const call = (name: string, given: object) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: given })}\n</tool_call>`;

describe('tool calls', () => {
  test('are taken out of a text, in order', () => {
    const text = `<think>hm</think>\n\n${call('add', { a: 1, b: [2] })}\n${call('now', {})}`;
    expect(parseToolCalls(text)).toEqual({
      content: '<think>hm</think>',
      toolCalls: [
        { name: 'add', arguments: { a: 1, b: [2] } },
        { name: 'now', arguments: {} },
      ],
      numMalformed: 0,
    });
  });

  test.each([
    ['No call.\n', 0],
    ['<tool_call>{"name": "add"', 1],
    ['<tool_call>add(1, 2)</tool_call>', 1],
    ['<tool_call>{"arguments": {}}</tool_call>', 1],
    ['<tool_call>{"name": "add", "arguments": [1]}</tool_call>', 1],
    ['<tool_call>null</tool_call> or <tool_call>', 2],
  ])('that are none stay in the content, and are counted: %j', (text, numMalformed) => {
    expect(parseToolCalls(text)).toEqual({ content: text, toolCalls: [], numMalformed });
  });

  test('that cannot be read are counted beside those that can', () => {
    const text = `<tool_call>add 1 2</tool_call>${call('now', {})}`;
    expect(parseToolCalls(text)).toMatchObject({ toolCalls: [{ name: 'now' }], numMalformed: 1 });
  });

  test('are recognised whatever is in their arguments and between them', () => {
    const word = fc.string().filter((text) => !text.includes('<'));
    const calls = fc.array(fc.record({ name: word, arguments: fc.dictionary(word, fc.jsonValue()) }), { minLength: 1 });
    fc.assert(
      fc.property(word, calls, (said, wanted) => {
        // JSON may spell out the end of a call only inside of a string.
        fc.pre(!JSON.stringify(wanted).includes('</tool_call>'));
        const text = said + wanted.map(({ name, arguments: given }) => call(name, given)).join('\n');
        const { content, toolCalls } = parseToolCalls(text);
        expect(content).toBe(said.trimEnd());
        expect(JSON.stringify(toolCalls)).toBe(JSON.stringify(wanted));
      }),
    );
  });

  test('are never part of what is certain to come before them', () => {
    const piece = fc.constantFrom(
      'a',
      ' ',
      '\n',
      '<',
      '<tool',
      '_call>',
      '<tool_call>',
      '{"name": "f"}',
      '</tool_call>',
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), (before, after) => {
        const [text, whole] = [before.join(''), [...before, ...after].join('')];
        const certain = text.slice(0, lengthBeforeToolCalls(text));
        expect(parseToolCalls(whole).content.startsWith(certain)).toBe(true);
      }),
    );
  });
});
