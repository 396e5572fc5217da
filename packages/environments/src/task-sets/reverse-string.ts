import { pick, solution, wordsIn } from './draw.ts';
import { generated } from './generated.ts';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];

/** Words to write backwards: `Write backwards: hkwe` */
export const reverseString = generated({
  name: 'reverse-string',
  description: 'a string from its end to its beginning',
  vocabulary: wordsIn('Write backwards'),
  options: { length: { default: 6, min: 3, max: 40 } },
  draw: (random, { length }) => {
    const letters = Array.from({ length }, () => pick(random, LETTERS));
    const target = letters.toReversed().join('');
    return {
      key: letters.join(''),
      messages: [{ role: 'user', content: `Write backwards: ${letters.join('')}` }],
      target,
      demonstration: solution(letters.join(' '), target),
      environment: 'answer',
    };
  },
});
