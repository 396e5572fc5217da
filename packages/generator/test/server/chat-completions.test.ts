import { loadTokenizer, type Tokenizer } from '@forge/models';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CompletionDelta } from '../../src/engine/completion-delta.ts';
import { readChatRequest } from '../../src/server/chat-completions.ts';
import { goldenFolder } from '../golden-models.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(goldenFolder('tokenizer'));
});

const tools = [{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }];
const body = { model: 'm', messages: [{ role: 'user', content: '2 + 3?' }], tools };
const said = 'Let me add.\n<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>';
const recorded = { tokenIds: [], logProbs: new Float32Array(0), versions: new Int32Array(0) };

interface Piece {
  readonly delta: { readonly content: string | null; readonly tool_calls?: readonly { readonly function: object }[] };
  readonly finish_reason: string | null;
}

/** What a client is sent of a text that comes in pieces. */
function streamed(pieces: readonly string[], request: object): readonly Piece[] {
  const { shape } = readChatRequest({ ...request, stream: true }, tokenizer);
  const deltas = pieces.map((text): CompletionDelta => ({ index: 0, text, ...recorded }));
  const last: CompletionDelta = { index: 0, text: '', ...recorded, finishReason: 'stop' };
  return [...deltas, last].map((delta) => shape.chunkChoice(delta, 0)) as unknown as readonly Piece[]; // as it is sent
}

describe('a chat with tools', () => {
  test('has the tools in its prompt, unless none is to be chosen', () => {
    expect(readChatRequest(body, tokenizer).prompts[0]?.text).toContain('"add"');
    expect(readChatRequest({ ...body, tool_choice: 'none' }, tokenizer).prompts[0]?.text).not.toContain('"add"');
  });

  test('streams the same content and calls, however the text is cut', () => {
    const texts = fc.constantFrom(said, 'Five.', '<tool_call>oops</tool_call>', 'a <tool', said + said);
    const whole = (text: string) => streamed([text], body);
    const contentOf = (sent: readonly Piece[]) => sent.map(({ delta }) => delta.content).join('');
    const callsOf = (sent: readonly Piece[]) =>
      sent.flatMap(({ delta }) => delta.tool_calls ?? []).map((call) => call.function);
    fc.assert(
      fc.property(texts, fc.array(fc.nat(200)), (text, cuts) => {
        const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const sent = streamed(
          places.slice(1).map((to, at) => text.slice(places[at], to)),
          body,
        );
        expect(contentOf(sent)).toBe(contentOf(whole(text)));
        expect(callsOf(sent)).toEqual(callsOf(whole(text)));
        expect(sent.at(-1)?.finish_reason).toBe(callsOf(sent).length > 0 ? 'tool_calls' : 'stop');
      }),
    );
    expect(contentOf(whole(said))).toBe('Let me add.');
    expect(callsOf(whole(said))).toEqual([{ name: 'add', arguments: '{"a":2,"b":3}' }]);
  });

  test('gives a template the arguments of earlier calls as objects, and refuses those that are no JSON', () => {
    const messages = (given: string) => [
      { role: 'user', content: '2 + 3?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: '1', type: 'function', function: { name: 'add', arguments: given } }],
      },
      { role: 'tool', content: '5', tool_call_id: '1' },
    ];
    const seen: unknown[] = [];
    const watching: Tokenizer = {
      ...tokenizer,
      applyChatTemplate: (given, options) => {
        seen.push(given[1]?.['tool_calls']);
        return tokenizer.applyChatTemplate(given, options);
      },
    };
    readChatRequest({ ...body, messages: messages('{"a": 2}') }, watching);
    expect(seen).toMatchObject([[{ function: { arguments: { a: 2 } } }]]);
    expect(() => readChatRequest({ ...body, messages: messages('{a') }, tokenizer)).toThrow('no JSON');
  });
});
