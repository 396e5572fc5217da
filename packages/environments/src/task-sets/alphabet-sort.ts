import { taggedAnswer } from '@forge/rewards';
import type { Environment } from '../environment.ts';
import type { Message, Task } from '../task.ts';
import { NAMES, wordsIn } from './draw.ts';
import { generated } from './generated.ts';

/**
 * Names that come in several turns, to be given back in alphabetical order, all so far in each turn.
 * Source: prime-rl's alphabet-sort.
 */
export const alphabetSort = generated({
  name: 'alphabet-sort',
  description: 'names in alphabetical order, more of them each turn',
  vocabulary: [...NAMES, ...wordsIn('Sort Add')],
  options: { turns: { default: 2, min: 2, max: 5 }, names: { default: 2, min: 2, max: 4 } },
  draw: (random, { turns, names }) => {
    const drawn = random.shuffle(NAMES).slice(0, turns * names);
    const lists: Lists = Array.from({ length: turns }, (_, turn) => drawn.slice(turn * names, (turn + 1) * names));
    const said = lists.flatMap((_, turn) => [
      asking(lists, turn),
      { role: 'assistant', content: `<answer>${sortedUpTo(lists, turn).join(' ')}</answer>` },
    ]);
    return {
      key: lists.map((list) => list.toSorted().join(' ')).join(', '),
      messages: said.slice(0, 1),
      target: sortedUpTo(lists, turns - 1).join(' '),
      fields: { lists },
      demonstration: said.slice(1),
      environment: 'alphabet-sort',
    };
  },
});

type Lists = readonly (readonly string[])[];

const sortedUpTo = (lists: Lists, turn: number) =>
  lists
    .slice(0, turn + 1)
    .flat()
    .toSorted();

function asking(lists: Lists, turn: number): Message {
  return { role: 'user', content: `${turn === 0 ? 'Sort' : 'Add'}: ${lists[turn]!.join(' ')}` };
}

/** Each turn earns its share of 1, as far as names stand in their places. */
export function alphabetSortEnvironment(): Environment {
  let lists: Lists = [];
  let turn = -1;
  return {
    reset(task) {
      lists = listsOf(task);
      turn = 0;
      return { messages: task.messages };
    },
    step({ text }) {
      const given = (taggedAnswer(text).answer ?? '').trim().split(/\s+/);
      const wanted = sortedUpTo(lists, turn);
      const numRight = wanted.filter((name, place) => given[place] === name).length;
      const reward = numRight / Math.max(given.length, wanted.length) / lists.length;
      turn += 1;
      if (turn >= lists.length) return { done: true, reward };
      return { done: false, reward, observation: [asking(lists, turn)] };
    },
  };
}

function listsOf({ fields }: Task): Lists {
  const lists = fields?.['lists'];
  if (!Array.isArray(lists) || lists.length === 0) {
    throw new TypeError('A task of alphabet-sort needs fields.lists: the names of each turn.');
  }
  return lists as unknown as Lists; // as its tasks are made
}
