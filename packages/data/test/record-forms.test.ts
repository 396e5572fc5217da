import type { Json } from '@forge/environments';
import { expect, test } from 'vitest';
import { readTasks, type TaskFields } from '../src/index.ts';
import { all, fileOf, golden } from './temporary-folder.ts';

type Record_ = { readonly [key: string]: Json };

const user = (content: string) => [{ role: 'user', content }];
const tasksOf = (records: readonly Record_[], fields?: TaskFields) =>
  all(
    readTasks({
      path: fileOf(
        'a.jsonl',
        records.map((record) => JSON.stringify(record)),
      ),
      ...(fields && { fields }),
    }),
  );

const chat = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
];

test.each<readonly [string, Record_, Record_]>([
  [
    'GSM8K',
    { question: 'How many?', answer: '2 + 3 = <<2+3=5>>5\n#### 1,005' },
    { messages: user('How many?'), target: '1,005', fields: { reasoning: '2 + 3 = <<2+3=5>>5' } },
  ],
  ['question and answer', { question: 'Who?', answer: 'Ann' }, { messages: user('Who?'), target: 'Ann' }],
  [
    'MATH',
    { problem: 'x?', solution: String.raw`It is \boxed{2}, no, \boxed{\frac{1}{2}}.`, level: 'Level 5' },
    {
      messages: user('x?'),
      target: String.raw`\frac{1}{2}`,
      fields: { level: 'Level 5', reasoning: String.raw`It is \boxed{2}, no, \boxed{\frac{1}{2}}.` },
    },
  ],
  [
    'MATH with its answer beside it',
    { problem: 'x?', solution: 'so it is', answer: 'y' },
    { messages: user('x?'), target: 'y', fields: { reasoning: 'so it is' } },
  ],
  [
    'verl',
    { prompt: user('x?'), reward_model: { ground_truth: 7, style: 'rule' }, ability: 'math' },
    {
      messages: user('x?'),
      target: '7',
      fields: { reward_model: { ground_truth: 7, style: 'rule' }, ability: 'math' },
    },
  ],
  ['a conversation', { messages: chat }, { messages: chat.slice(0, 2), target: '', demonstration: 'Hello' }],
  [
    'a conversation of several turns',
    { messages: [...chat, ...user('And?'), { role: 'assistant', content: 'Bye' }] },
    {
      messages: chat.slice(0, 2),
      target: '',
      demonstration: [chat[2]!, ...user('And?'), { role: 'assistant', content: 'Bye' }],
    },
  ],
  [
    'a conversation that waits for an answer',
    { messages: chat.slice(0, 2) },
    { messages: chat.slice(0, 2), target: '' },
  ],
  ["TRL's prompt", { prompt: chat.slice(0, 2), answer: 4 }, { messages: chat.slice(0, 2), target: '4' }],
  [
    "TRL's prompt and completion",
    { prompt: 'The sky is', completion: ' blue.' },
    { messages: user('The sky is'), target: '', demonstration: ' blue.' },
  ],
  [
    'Alpaca',
    { instruction: 'Sort.', input: '2 1', output: '1 2' },
    { messages: user('Sort.\n\n2 1'), target: '', demonstration: '1 2' },
  ],
  [
    'ShareGPT',
    {
      conversations: [
        { from: 'human', value: 'Hi' },
        { from: 'gpt', value: 'Hello' },
      ],
    },
    { messages: user('Hi'), target: '', demonstration: 'Hello' },
  ],
  [
    'a task as it is written here',
    { messages: chat, target: '', source: 'mine', fields: { a: null }, environment: 'answer' },
    { messages: chat, target: '', source: 'mine', fields: { a: null }, environment: 'answer' },
  ],
])('%s is known by its fields', async (_, record, task) => {
  expect(await tasksOf([record])).toEqual([task]);
});

test('contents in parts are put together, and what a table has no value for is no field', async () => {
  const parts = [
    { type: 'text', text: 'How ' },
    { type: 'text', text: 'many?' },
  ];
  const [task] = await tasksOf([{ prompt: [{ role: 'user', content: parts, name: null }], answer: '1', level: null }]);
  expect(task).toEqual({ messages: user('How many?'), target: '1' });
});

test('fields that are told win over a known form, and lead into objects', async () => {
  const record = { question: 'no', answer: 'no', data: { ask: 'How many?', result: 5 }, steps: 'count' };
  const fields: TaskFields = { prompt: 'data.ask', target: 'data.result', reasoning: 'steps' };
  expect(await tasksOf([record], fields)).toEqual([
    {
      messages: user('How many?'),
      target: '5',
      fields: { question: 'no', answer: 'no', data: { ask: 'How many?', result: 5 }, reasoning: 'count' },
    },
  ]);
});

test('the form is that of most records: one that is broken does not decide', async () => {
  const records = [
    { question: 'a', answer: 'no result' },
    { question: 'b', answer: '#### 2' },
    { question: 'c', answer: '#### 3' },
  ];
  await expect(tasksOf(records)).rejects.toThrow(
    /a\.jsonl:1: "answer" must end in "#### <result>", found: "no result"/,
  );
});

test.each<readonly [Record_, TaskFields | undefined, RegExp]>([
  [{ text: 'x', label_id: 1 }, undefined, /:1: its fields are text, label_id: no form that is known/],
  [
    { question: 'x' },
    { prompt: 'question', target: 'answer' },
    /:1: "answer" must be a text or a number, it is missing/,
  ],
  [{ question: 7, answer: '1' }, undefined, /:1: "question" must be a text or a list of messages, found 7/],
  [{ question: ' ', answer: '1' }, undefined, /:1: "question" must be a text or a list of messages, found " "/],
  [{ question: 'x', answer: ' ' }, undefined, /:1: "answer" must be a text or a number, found " "/],
  [{ prompt: [{ role: 1 }], answer: '1' }, undefined, /:1: "prompt" must be a text or a list of messages/],
  [{ prompt: 'x', completion: [] }, undefined, /:1: "completion" must be a text or a list of messages, found \[\]/],
  [{ problem: 'x', solution: String.raw`\boxed{1` }, undefined, /:1: "solution" must contain \\boxed\{<result>\}/],
])('the record %j is refused, and it is said why', async (record, fields, message) => {
  await expect(tasksOf([record], fields)).rejects.toThrow(message);
});

test('tables have the forms that lines have', async () => {
  const [task] = await all(readTasks({ path: golden('verl.parquet') }));
  expect(task).toMatchObject({ messages: user('What is 0?'), target: '0', fields: { ability: 'math' } });
  const tasks = await all(readTasks({ path: golden('gsm8k-snappy.parquet') }));
  expect(tasks.map(({ target }) => target)).toEqual(Array.from({ length: 50 }, (_, i) => String(2 * i)));
});
