import { taggedAnswer } from '@forge/rewards';
import { calculator } from '../tools/calculator.ts';
import { toolEnvironment } from '../tools/tool-environment.ts';
import { NAMES, numberOf, pick, wordsIn } from './draw.ts';
import { generated } from './generated.ts';
import { demonstratedCall, TOOL_MARKS } from './tool-text.ts';

interface Story {
  readonly text: (name: string, thing: string, numbers: Numbers) => string;
  readonly expression: (numbers: Numbers) => string;
  readonly value: (numbers: Numbers) => number;
}

type Numbers = readonly [a: number, b: number, c: number];

const THINGS = ['apples', 'coins', 'books', 'cards', 'shells', 'pens'];

const STORIES: readonly Story[] = [
  {
    text: (name, thing, [a, b, c]) => `${name} has ${a} boxes of ${b} ${thing} and finds ${c} more. How many?`,
    expression: ([a, b, c]) => `${a}*${b}+${c}`,
    value: ([a, b, c]) => a * b + c,
  },
  {
    text: (name, thing, [a, b, c]) => `${name} has ${a} boxes of ${b} ${thing} and loses ${c}. How many?`,
    expression: ([a, b, c]) => `${a}*${b}-${c}`,
    value: ([a, b, c]) => a * b - c,
  },
  {
    text: (name, thing, [a, b, c]) => `${name} has ${a} ${thing} and buys ${b} bags of ${c}. How many?`,
    expression: ([a, b, c]) => `${a}+${b}*${c}`,
    value: ([a, b, c]) => a + b * c,
  },
];

/** Word problems to be computed with a tool, in two turns: the call, and the answer from its result. */
export const calculations = generated({
  name: 'calculator',
  description: 'word problems whose numbers are for a calculator to compute',
  vocabulary: [
    ...NAMES,
    ...wordsIn(...THINGS, ...STORIES.map(({ text }) => text('', '', [0, 0, 0]))),
    ...TOOL_MARKS,
    '"calculator"',
    '"expression"',
  ],
  options: { digits: { default: 2, min: 1, max: 6 } },
  draw: (random, { digits }) => {
    const story = pick(random, STORIES);
    const numbers: Numbers = [numberOf(random, digits), numberOf(random, digits), numberOf(random, digits)];
    const target = String(story.value(numbers));
    return {
      key: numbers.join(' '),
      messages: [{ role: 'user', content: story.text(pick(random, NAMES), pick(random, THINGS), numbers) }],
      target,
      demonstration: [
        demonstratedCall('calculator', { expression: story.expression(numbers) }),
        { role: 'tool', name: 'calculator', content: target },
        { role: 'assistant', content: `<answer>${target}</answer>` },
      ],
      environment: 'calculator',
    };
  },
});

/** 1 for the right answer after a call of the calculator, else 0. */
export const calculatorEnvironment = toolEnvironment([calculator], {
  maxToolCalls: 4,
  judge: ({ task, answer, called }) =>
    called.length > 0 && taggedAnswer(answer.text).answer?.trim() === task.target ? 1 : 0,
});
