import { createInterface } from 'node:readline/promises';
import type { ChatMessage } from '@forge/models';
import { streamCompletions } from '../engine/stream-completions.ts';
import { resolveSamplingParams } from '../sampling/sampling-params.ts';
import type { ServedModel } from './served-model.ts';

/** How a conversation in the terminal goes. */
export interface TerminalChatOptions {
  readonly system: string | undefined;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

const GREETING = 'Enter a message. /reset begins anew, /exit ends; Ctrl-C interrupts an answer.\n';

/** Talks with the model line by line until the input ends or `/exit` is entered. */
export async function chatInTerminal(
  { engine, tokenizer }: ServedModel,
  { system, maxTokens, temperature, input, output }: TerminalChatOptions,
): Promise<void> {
  const isTerminal = 'isTTY' in input && input.isTTY === true;
  const lines = createInterface({ input, ...(isTerminal && { output }), prompt: '> ' });
  const opening: readonly ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
  const params = resolveSamplingParams({ maxTokens, temperature });
  let messages = opening;
  let answering: AbortController | undefined;
  lines.on('SIGINT', () => (answering ? answering.abort() : lines.close()));
  if (isTerminal) output.write(GREETING);
  lines.prompt();
  for await (const line of lines) {
    if (line === '/exit') break;
    if (line === '/reset') messages = opening;
    else if (line.trim() !== '') {
      messages = [...messages, { role: 'user', content: line }];
      answering = new AbortController();
      const { signal } = answering;
      let content = '';
      try {
        const text = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
        for await (const delta of streamCompletions(engine, { text, ids: tokenizer.encode(text) }, params, signal)) {
          content += delta.text;
          output.write(delta.text);
        }
        output.write('\n');
      } catch (error) {
        if (!signal.aborted) output.write(`${error instanceof Error ? error.message : String(error)}\n`);
        else output.write('\n(interrupted)\n');
      }
      answering = undefined;
      messages = [...messages, { role: 'assistant', content }];
    }
    lines.prompt();
  }
  lines.close();
}
