import { evaluate } from '../expression/evaluate.ts';
import { formatRational } from '../expression/rational.ts';
import { defineTool } from './tool.ts';

/** A tool that computes: `calculator({ expression: '12*34-5' })` is `403`. */
export const calculator = defineTool({
  name: 'calculator',
  description: 'The value of an arithmetic expression.',
  parameters: {
    type: 'object',
    properties: { expression: { type: 'string', description: 'Numbers, + - * / and parentheses.' } },
    required: ['expression'],
  },
  call: ({ expression }) => {
    const result = evaluate(expression);
    if ('problem' in result) throw new RangeError(`${JSON.stringify(expression)} has no value. ${result.problem}`);
    return formatRational(result.value);
  },
});
