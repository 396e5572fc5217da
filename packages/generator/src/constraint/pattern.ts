import { type AST, RegExpParser } from '@eslint-community/regexpp';
import { JS } from 'refa';
import { ConstraintError } from '../errors.ts';
import { choice, empty, type Grammar, repeat, rule, sequence } from './grammar.ts';
import { type CodePointRange, characters } from './utf8.ts';

/** How a pattern is read. */
export interface PatternOptions {
  /** Of `RegExp`: `i` ignores case, `s` lets a dot match line breaks. `u` is always on. @default '' */
  readonly flags?: string;
  /** Whether the pattern may be found anywhere in a text, as in JSON schemas, or is the whole of it. @default false */
  readonly isSearched?: boolean;
  /** How a character of some ranges is written. @default in UTF-8 */
  readonly write?: (ranges: readonly CodePointRange[]) => Grammar;
}

const all: readonly CodePointRange[] = [[0, 0x10ffff]];

/** Whether the text begins, or ends, where a part does. */
interface Edges {
  readonly first: boolean;
  readonly last: boolean;
}
const inside: Edges = { first: false, last: false };

/**
 * The texts that a regular expression of JavaScript, with flag `u`, matches as a whole. `^` and `$` stand at the edges;
 * properties of characters are those of Unicode 15.
 *
 * @throws {ConstraintError} naming what cannot be obeyed: lookarounds, backreferences, word boundaries, syntax errors.
 */
export function patternGrammar(source: string, options: PatternOptions = {}): Grammar {
  const { flags = '', isSearched = false, write = characters } = options;
  const unknown = /[^isu]/.exec(flags)?.[0];
  if (unknown !== undefined) throw new ConstraintError(`flag '${unknown}' is not i, s or u.`, { keyword: 'flags' });
  const anything = isSearched ? rule(() => repeat(write(all), 0, Number.POSITIVE_INFINITY)) : empty;
  const setFlags = { unicode: true, ignoreCase: flags.includes('i'), dotAll: flags.includes('s') };

  const ofAlternatives = (alternatives: readonly Elements[], edges: Edges): Grammar => {
    if (edges.first && isSearched) return choice(...alternatives.map((elements) => ofSequence(elements, edges)));
    // What several begin with is written once: ten thousand words are a tree.
    return choice(
      ...groupedByFirst(alternatives).map((group) => {
        const [first] = group[0]!; // no group is empty
        if (group.length === 1 || !first) return ofSequence(group[0]!, edges);
        const rests = group.map((elements) => elements.slice(1));
        return sequence(ofElement(first, inside), ofAlternatives(rests, { ...edges, first: false }));
      }),
    );
  };

  const ofSequence = (elements: Elements, { first, last }: Edges): Grammar => {
    // Assertions that hold wherever they stand at an edge are taken off it, one by one.
    const begin = elements.findIndex((element) => !(first && isEdge(element, 'start')));
    const rest = begin === -1 ? [] : elements.slice(begin);
    const end = rest.findLastIndex((element) => !(last && isEdge(element, 'end')));
    const middle = rest.slice(0, end + 1);
    const isAnchoredFirst = rest.length < elements.length;
    const isAnchoredLast = middle.length < rest.length;
    const grammars = middle.map((element, at) => {
      const edges = {
        first: first && at === 0 && !isAnchoredFirst,
        last: last && at === middle.length - 1 && !isAnchoredLast,
      };
      return ofElement(element, edges);
    });
    // A group at an edge says itself what comes before it.
    const isOpen = (element: AST.Element | undefined) => element === undefined || !isGroup(element);
    const before = first && !isAnchoredFirst && isOpen(middle[0]) ? anything : empty;
    const after = last && !isAnchoredLast && isOpen(middle.at(-1)) ? anything : empty;
    return sequence(before, ...grammars, after);
  };

  const ofElement = (element: AST.Element, edges: Edges): Grammar => {
    switch (element.type) {
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
        return ofSet(element as CharacterElement); // sets of strings are of flag v
      case 'Group':
        if (element.modifiers) throw unsupported(element, 'flags within a pattern');
        return ofAlternatives(element.alternatives.map(elementsOf), edges);
      case 'CapturingGroup':
        return ofAlternatives(element.alternatives.map(elementsOf), edges);
      case 'Quantifier':
        return repeat(ofElement(element.element, inside), element.min, element.max);
      case 'Assertion':
        throw unsupported(element, assertions[element.kind]);
      case 'Backreference':
        throw unsupported(element, 'a backreference');
      default:
        throw unsupported(element, 'a set of strings');
    }
  };

  const sets = new Map<string, Grammar>();
  const ofSet = (element: CharacterElement): Grammar => {
    const known = sets.get(element.raw);
    if (known) return known;
    const ranges = JS.parseCharSet(element, setFlags).ranges.map(({ min, max }): CodePointRange => [min, max]);
    // A set of more than ASCII is written once, since it may have hundreds of ranges.
    const isSmall = ranges.every(([, to]) => to < 0x80);
    const made = isSmall ? write(ranges) : rule(() => write(ranges));
    sets.set(element.raw, made);
    return made;
  };

  return ofAlternatives(parse(source).map(elementsOf), { first: true, last: true });
}

/** What stands for one character without flag `v`. */
type CharacterElement = Parameters<typeof JS.parseCharSet>[0];

type Elements = readonly AST.Element[];
const elementsOf = ({ elements }: AST.Alternative): Elements => elements;

/** Alternatives that begin with the same character together. */
function groupedByFirst(alternatives: readonly Elements[]): readonly (readonly Elements[])[] {
  const groups = new Map<string | number, Elements[]>();
  for (const [at, elements] of alternatives.entries()) {
    const [first] = elements;
    const key = first?.type === 'Character' ? first.raw : at;
    const group = groups.get(key);
    if (group) group.push(elements);
    else groups.set(key, [elements]);
  }
  return [...groups.values()];
}

const assertions: Readonly<Record<AST.Assertion['kind'], string>> = {
  lookahead: 'a lookahead',
  lookbehind: 'a lookbehind',
  word: 'a word boundary',
  start: 'a ^ that is not at the beginning',
  end: 'a $ that is not at the end',
};

function parse(source: string): readonly AST.Alternative[] {
  try {
    return new RegExpParser({ ecmaVersion: 2025 }).parsePattern(source, 0, source.length, { unicode: true })
      .alternatives;
  } catch (cause) {
    if (cause instanceof RangeError) throw cause; // nested too deeply
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ConstraintError(`${message}.`, { keyword: 'pattern', cause });
  }
}

function isEdge(element: AST.Element, kind: 'start' | 'end'): boolean {
  return element.type === 'Assertion' && element.kind === kind;
}

function isGroup({ type }: AST.Element): boolean {
  return type === 'Group' || type === 'CapturingGroup';
}

function unsupported({ raw, start }: AST.Node, what: string): ConstraintError {
  const shown = raw.length > 40 ? `${raw.slice(0, 40)}…` : raw;
  return new ConstraintError(`${what} (${shown}, at character ${start}) is not supported in patterns.`, {
    keyword: 'pattern',
  });
}
