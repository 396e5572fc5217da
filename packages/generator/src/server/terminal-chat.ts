import { createInterface } from 'node:readline/promises';
import type { StructuredOutputs } from '../constraint/structured-outputs.ts';
import { appendedIds, type Transcript } from '../conversation/next-turn.ts';
import { promptOf } from '../engine/prompt.ts';
import { streamCompletions } from '../engine/stream-completions.ts';
import type { OpenedModel } from '../open-model.ts';
import { resolveSamplingParams } from '../sampling/sampling-params.ts';

/** How a conversation in the terminal goes. */
export interface TerminalChatOptions {
  readonly system: string | undefined;
  readonly maxTokens: number;
  readonly temperature: number;
  /** What every answer must be. */
  readonly structuredOutputs?: StructuredOutputs | undefined;
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

const GREETING = 'Enter a message. /reset begins anew, /exit ends; Ctrl-C interrupts an answer.\n';

/** Talks with the model line by line until the input ends or `/exit` is entered. */
export async function chatInTerminal(
  { engine, tokenizer }: OpenedModel,
  { system, maxTokens, temperature, structuredOutputs, input, output }: TerminalChatOptions,
): Promise<void> {
  const isTerminal = 'isTTY' in input && input.isTTY === true;
  const lines = createInterface({ input, ...(isTerminal && { output }), prompt: '> ' });
  const opening: Transcript = { messages: system === undefined ? [] : [{ role: 'system', content: system }], ids: [] };
  const params = resolveSamplingParams({ maxTokens, temperature, ...(structuredOutputs && { structuredOutputs }) });
  let transcript = opening;
  let answering: AbortController | undefined;
  let isClosed = false; // when the input ends, lines that came before are still to be read
  lines.once('close', () => {
    isClosed = true;
  });
  const prompt = () => (isClosed ? undefined : lines.prompt());
  lines.on('SIGINT', () => (answering ? answering.abort() : lines.close()));
  if (isTerminal) output.write(GREETING);
  prompt();
  for await (const line of lines) {
    if (line === '/exit') break;
    if (line === '/reset') transcript = opening;
    else if (line.trim() !== '') {
      answering = new AbortController();
      const { signal } = answering;
      const said = [{ role: 'user', content: line }];
      let content = '';
      let answered: readonly number[] | undefined;
      try {
        const ids = [...transcript.ids, ...appendedIds(tokenizer, transcript, said, {})];
        for await (const delta of streamCompletions(
          engine,
          promptOf(ids, tokenizer, engine.maxModelLength),
          params,
          signal,
        )) {
          content += delta.text;
          answered = [...(answered ?? ids), ...delta.tokenIds];
          output.write(delta.text);
        }
        output.write('\n');
      } catch (error) {
        if (!signal.aborted) output.write(`${error instanceof Error ? error.message : String(error)}\n`);
        else output.write('\n(interrupted)\n');
      }
      answering = undefined;
      // An answer that was interrupted counts as far as it came.
      if (answered) {
        const messages = [...transcript.messages, ...said, { role: 'assistant', content }];
        transcript = { messages, ids: answered };
      }
    }
    prompt();
  }
  lines.close();
}
