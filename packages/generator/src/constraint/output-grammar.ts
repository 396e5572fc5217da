import { ConstraintError } from '../errors.ts';
import { type Grammar, oneOf } from './grammar.ts';
import { anyValue, punctuation } from './json/json-text.ts';
import { schemaGrammar } from './json/schema-grammar.ts';
import { type Network, networkOf } from './network.ts';
import { patternGrammar } from './pattern.ts';
import type { StructuredOutputs } from './structured-outputs.ts';
import { toolCallGrammar } from './tool-call-grammar.ts';

/** The automaton of what a constraint allows. @throws {ConstraintError} when it cannot be obeyed */
export function compile(outputs: StructuredOutputs): Network {
  return networkOf(grammarOf(outputs));
}

function grammarOf(outputs: StructuredOutputs): Grammar {
  if ('regex' in outputs) return patternGrammar(outputs.regex, { flags: outputs.flags ?? '' });
  if ('choice' in outputs) return oneOf(outputs.choice);
  const { whitespace = 'compact' } = outputs;
  if ('json' in outputs) return schemaGrammar(outputs.json, whitespace);
  if ('jsonObject' in outputs) return anyValue(punctuation(whitespace), true);
  const names = new Set(outputs.toolCalls.map(({ name }) => name));
  if (names.size < outputs.toolCalls.length) throw new ConstraintError('two tools have the same name.');
  return toolCallGrammar(outputs.toolCalls, outputs.maxCalls ?? Number.POSITIVE_INFINITY, whitespace);
}
