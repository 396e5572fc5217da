import { choice, type Grammar, literal, repeat, sequence } from './grammar.ts';
import { punctuation, type Whitespace, writtenValue } from './json/json-text.ts';
import { schemaGrammar } from './json/schema-grammar.ts';

/** A function that a model may call. */
export interface CallableTool {
  readonly name: string;
  /** The JSON schema of its arguments. @default an object without properties */
  readonly parameters?: unknown;
}

/** One call of one of some tools, or several on lines of their own, in the format that `parseToolCalls` reads. */
export function toolCallGrammar(tools: readonly CallableTool[], most: number, whitespace: Whitespace): Grammar {
  const signs = punctuation(whitespace);
  const calls = tools.map(({ name, parameters }) =>
    sequence(
      signs.openObject,
      literal('"name"'),
      signs.colon,
      writtenValue(name, signs),
      signs.comma,
      literal('"arguments"'),
      signs.colon,
      schemaGrammar(parameters ?? { type: 'object', additionalProperties: false }, whitespace),
      signs.closeObject,
    ),
  );
  const call = sequence(literal('<tool_call>\n'), choice(...calls), literal('\n</tool_call>'));
  return sequence(call, repeat(sequence(literal('\n'), call), 0, most - 1));
}
