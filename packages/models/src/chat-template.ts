import { Template } from '@huggingface/jinja';
import { isRecord } from './config-fields.ts';
import { ChatTemplateError } from './errors.ts';

/** One turn of a conversation; templates may read further fields, such as `tool_calls`. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [field: string]: unknown;
}

/** What a chat template sees beside the messages. */
export interface ChatOptions {
  /** Ends the prompt with the opening of an assistant's turn. @default false */
  readonly addGenerationPrompt?: boolean;
  /** Tool descriptions, as JSON schemas. @default undefined in the template */
  readonly tools?: readonly unknown[];
  /** Further variables of the template, such as `enable_thinking`. @default none */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Renders a conversation as the text that the model was trained on. @throws {ChatTemplateError} when it refuses */
export type ChatTemplate = (messages: readonly ChatMessage[], options?: ChatOptions) => string;

/**
 * Compiles a Jinja chat template.
 *
 * @param source - a template, or as in some checkpoints a list of `{ name, template }` of which `default` is meant, and
 * `tool_use` when there are tools.
 * @param specialTokens - `bos_token`, `eos_token`, … as the template names them.
 * @throws {ChatTemplateError} when it does not parse.
 */
export function compileChatTemplate(
  source: unknown,
  { file, specialTokens }: { readonly file: string; readonly specialTokens: Readonly<Record<string, string>> },
): ChatTemplate {
  const templates = new Map(sources(source, file).map(([name, text]) => [name, parse(text, file)]));
  return (messages, { addGenerationPrompt = false, tools, variables = {} } = {}) => {
    const template = (tools === undefined ? undefined : templates.get('tool_use')) ?? templates.get('default');
    if (template === undefined) {
      const what = `holds the templates ${[...templates.keys()].join(', ')}, but none named default.`;
      throw new ChatTemplateError({ file, what });
    }
    try {
      return template.render({
        ...specialTokens,
        messages,
        add_generation_prompt: addGenerationPrompt,
        ...(tools === undefined ? {} : { tools }),
        ...variables,
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ChatTemplateError({
        file,
        what: `the chat template refused ${messages.length} messages: ${reason}`,
        cause,
      });
    }
  };
}

function sources(source: unknown, file: string): readonly (readonly [string, string])[] {
  if (typeof source === 'string') return [['default', source]];
  const malformed = new ChatTemplateError({
    file,
    what: 'chat_template is neither text nor a list of {name, template}.',
  });
  if (!Array.isArray(source)) throw malformed;
  return source.map((entry: unknown) => {
    if (!isRecord(entry)) throw malformed;
    const { name, template } = entry;
    if (typeof name !== 'string' || typeof template !== 'string') throw malformed;
    return [name, template];
  });
}

function parse(text: string, file: string): Template {
  try {
    return new Template(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ChatTemplateError({ file, what: `the chat template does not parse: ${reason}`, cause });
  }
}
