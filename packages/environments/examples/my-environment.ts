import { defineTool, type OpenEnvironment, type Tool } from '@forge/environments';

/** A tool of one's own: its arguments are checked against the schema, and typed by it. */
export const tools: readonly Tool[] = [
  defineTool({
    name: 'roll',
    description: 'Rolls a die.',
    parameters: { type: 'object', properties: { sides: { type: 'integer', minimum: 2 } }, required: ['sides'] },
    call: ({ sides }) => 1 + Math.floor(Math.random() * sides),
  }),
];

/** An environment of one's own: guess a number, with a hint after each guess. */
const guess: OpenEnvironment = () => {
  let secret = 0;
  return {
    reset: ({ messages, target }) => {
      secret = Number(target);
      return { messages };
    },
    step: ({ text }) => {
      if (Number(text) === secret) return { done: true, reward: 1 };
      return { done: false, observation: [{ role: 'user', content: Number(text) < secret ? 'More.' : 'Less.' }] };
    },
  };
};
export const environments = { guess };
