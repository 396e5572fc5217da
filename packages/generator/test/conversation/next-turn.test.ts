import { type ChatMessage, loadTokenizer, type Tokenizer } from '@forge/models';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { appendedIds } from '../../src/conversation/next-turn.ts';
import { goldenFolder } from '../golden-models.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(goldenFolder('tokenizer'));
});

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });

/** What a turn that was sampled as `said` leads to. */
const after = (first: string, said: string): readonly number[] => [
  ...appendedIds(tokenizer, { messages: [], ids: [] }, [user(first)], {}),
  ...tokenizer.encode(said),
];

describe('the tokens that a turn appends', () => {
  test('are the whole prompt at first', () => {
    const system = { role: 'system', content: 'Be brief.' };
    const ids = appendedIds(tokenizer, { messages: [system], ids: [] }, [user('Hi')], {});
    const text = tokenizer.applyChatTemplate([system, user('Hi')], { addGenerationPrompt: true });
    expect(tokenizer.decode(ids)).toBe(text);
  });

  test('end a turn that was cut off, and do not end one twice that the model has ended', () => {
    const messages = [user('Hi'), assistant('Hello')];
    const ended = appendedIds(tokenizer, { messages, ids: after('Hi', 'Hello<|im_end|>') }, [user('Bye')], {});
    const cut = appendedIds(tokenizer, { messages, ids: after('Hi', 'Hello') }, [user('Bye')], {});
    expect(tokenizer.decode(ended)).toBe('\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n');
    expect(tokenizer.decode(cut)).toBe('<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n');
  });

  test('leave sampled thoughts alone that the template would drop', () => {
    const said = '<think>two and two</think>4';
    const messages = [user('2 + 2?'), assistant(said)];
    const ids = after('2 + 2?', `${said}<|im_end|>`);
    const text = tokenizer.decode([...ids, ...appendedIds(tokenizer, { messages, ids }, [user('Sure?')], {})]);
    expect(text).toContain('two and two');
    const rendered = tokenizer.applyChatTemplate([...messages, user('Sure?')], { addGenerationPrompt: true });
    expect(rendered).not.toContain('two and two');
    expect(text.slice(text.indexOf('4<|im_end|>'))).toBe(rendered.slice(rendered.indexOf('4<|im_end|>')));
  });

  test('are those of the results of tools', () => {
    const messages = [user('Weather?'), assistant('<tool_call>…</tool_call>')];
    const results = ['Sunny', 'Windy'].map((content) => ({ role: 'tool', content }));
    const ids = after('Weather?', '<tool_call>…</tool_call><|im_end|>');
    const appended = appendedIds(tokenizer, { messages, ids }, results, { variables: { enable_thinking: false } });
    expect(tokenizer.decode(appended)).toBe(
      '\n<|im_start|>user\n<tool_response>\nSunny\n</tool_response>\n<tool_response>\nWindy\n</tool_response><|im_end|>\n' +
        '<|im_start|>assistant\n<think>\n\n</think>\n\n',
    );
  });

  test('are what the template appends to any history that it leaves as it is', () => {
    const content = fc
      .string({ unit: 'grapheme' })
      .map((text) => text.normalize('NFC')) // as the tokenizer does
      .filter((text) => !/<|>|\(turn/.test(text));
    fc.assert(
      fc.property(fc.array(content, { minLength: 3, maxLength: 9 }), (contents) => {
        const said = contents.map((text, at) => (at % 2 === 0 ? user(text) : assistant(text)));
        if (said.length % 2 === 0) said.pop();
        const [before, last] = [said.slice(0, -1), said.at(-1)!];
        const history = tokenizer.applyChatTemplate(before);
        const ids = tokenizer.encode(history.slice(0, -1)); // without the line's end, as the model would end its turn
        const appended = appendedIds(tokenizer, { messages: before, ids }, [last], {});
        const whole = tokenizer.applyChatTemplate(said, { addGenerationPrompt: true });
        expect(tokenizer.decode([...ids, ...appended])).toBe(whole);
      }),
      { numRuns: 50 },
    );
  });

  test('are found although messages hold what marks the turn', () => {
    const messages = [user('(turn) (turn 1)'), assistant('(turn)')];
    const ids = after('(turn) (turn 1)', '(turn)<|im_end|>');
    const appended = appendedIds(tokenizer, { messages, ids }, [user('(turn 2) (turn)')], {});
    expect(tokenizer.decode(appended)).toBe('\n<|im_start|>user\n(turn 2) (turn)<|im_end|>\n<|im_start|>assistant\n');
  });

  test('cannot be told without a message, or when the template does not show what was said', () => {
    const transcript = { messages: [user('Hi'), assistant('Hello')], ids: [1] };
    const conversationError = expect.objectContaining({ code: 'ERR_GENERATOR_CONVERSATION' });
    expect(() => appendedIds(tokenizer, transcript, [], {})).toThrow(conversationError);
    const silent: Tokenizer = { ...tokenizer, applyChatTemplate: () => 'Go on.' };
    expect(() => appendedIds(silent, transcript, [user('Bye')], {})).toThrow(conversationError);
  });
});
