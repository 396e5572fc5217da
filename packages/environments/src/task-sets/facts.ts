import { taggedAnswer } from '@forge/rewards';
import { Random } from '@forge/tensor';
import { searchTool } from '../tools/search.ts';
import { toolEnvironment } from '../tools/tool-environment.ts';
import { NAMES, pick, wordsIn } from './draw.ts';
import { generated } from './generated.ts';
import { demonstratedCall, TOOL_MARKS } from './tool-text.ts';

const PLACES = [
  ...['Arden', 'Brook', 'Corin', 'Dale', 'Elmet', 'Fern', 'Galen', 'Holm', 'Iver', 'Kell'],
  ...['Lorn', 'Moor', 'Nave', 'Orlen', 'Pell', 'Quay', 'Rill', 'Stane', 'Thorn', 'Vale'],
];
const DEEDS = [
  ...['runs the mill', 'keeps the bees', 'owns the boat', 'guards the bridge', 'rings the bell'],
  ...['tends the garden', 'paints the doors', 'bakes the bread', 'feeds the horses', 'sells the cheese'],
];

/** Who does what where: one sentence each, the same in every run. */
const FACTS = (() => {
  const random = new Random('who does what where');
  return PLACES.flatMap((place) => DEEDS.map((deed) => ({ place, deed, name: pick(random, NAMES) })));
})();
type Fact = (typeof FACTS)[number];

const sentence = ({ name, deed, place }: Fact) => `${name} ${deed} in ${place}.`;
/** `runs the mill` is asked for as `mill`. */
const thingOf = ({ deed }: Fact) => deed.slice(deed.lastIndexOf(' ') + 1);

const search = searchTool(FACTS.map(sentence), { maxResults: 2 });

/** Questions about a small text that the model does not know: it has to search first, and then to read. */
export const facts = generated({
  name: 'search',
  description: 'questions that a search in a small text answers',
  vocabulary: [
    ...NAMES,
    ...PLACES,
    ...wordsIn('Who in', ...DEEDS, 'Nothing was found'),
    ...TOOL_MARKS,
    '"search"',
    '"query"',
  ],
  options: { places: { default: PLACES.length, min: 5, max: PLACES.length } },
  draw: (random, { places }) => {
    const fact = pick(random, FACTS.slice(0, places * DEEDS.length));
    const query = `${fact.place} ${thingOf(fact)}`;
    return {
      key: `${fact.deed} in ${fact.place}`,
      messages: [{ role: 'user', content: `Who ${fact.deed} in ${fact.place}?` }],
      target: fact.name,
      demonstration: [
        demonstratedCall('search', { query }),
        { role: 'tool', name: 'search', content: String(search.call({ query }, NEVER)) },
        { role: 'assistant', content: `<answer>${fact.name}</answer>` },
      ],
      environment: 'search',
    };
  },
});

const NEVER = { signal: new AbortController().signal };

/** 1 for the right name after a search, else 0. */
export const searchEnvironment = toolEnvironment([search], {
  maxToolCalls: 4,
  judge: ({ task, answer, called }) =>
    called.length > 0 && taggedAnswer(answer.text).answer?.trim() === task.target ? 1 : 0,
});
