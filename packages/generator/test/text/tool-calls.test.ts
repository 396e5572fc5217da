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
    });
  });

  test.each([
    'No call.\n',
    '<tool_call>{"name": "add"',
    '<tool_call>add(1, 2)</tool_call>',
    '<tool_call>{"arguments": {}}</tool_call>',
    '<tool_call>{"name": "add", "arguments": [1]}</tool_call>',
    '<tool_call>null</tool_call>',
  ])('that are none stay in the content: %j', (text) => {
    expect(parseToolCalls(text)).toEqual({ content: text, toolCalls: [] });
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
