import { ConstraintError } from '../errors.ts';
import type { ByteRange, Grammar, Rule } from './grammar.ts';

/** What can come next at a place in a grammar. */
export type Node =
  /** One byte, then what is at `next`. */
  | { readonly kind: 'byte'; readonly ranges: readonly ByteRange[]; readonly next: number }
  /** Any of several places. */
  | { readonly kind: 'split'; readonly next: readonly number[] }
  /** A rule, whose return goes on at `next`. */
  | { readonly kind: 'call'; readonly rule: Rule; readonly next: number }
  /** The end of a rule, or of the text. */
  | { readonly kind: 'return' };

/** A grammar as a network of nodes, some of which call others: a nondeterministic automaton with a stack. */
export interface Network {
  readonly nodes: readonly Node[];
  readonly start: number;
  /** Where each rule begins. */
  readonly starts: ReadonlyMap<Rule, number>;
}

/** The node that every rule ends with. */
export const RETURN = 0;

/** A thousand properties need some 40,000; beyond this a step over all threads could hold the event loop. */
const MAX_NODES = 100_000;

/**
 * Compiles a grammar. What cannot be brought to an end is left out.
 *
 * @throws {ConstraintError} when it is too large, or no text belongs to it.
 */
export function networkOf(grammar: Grammar): Network {
  const nodes: Node[] = [{ kind: 'return' }];
  const starts = new Map<Rule, number>();
  const unwritten: Rule[] = [];
  const add = (node: Node): number => {
    if (nodes.length >= MAX_NODES) {
      throw new ConstraintError(`it has more than the ${MAX_NODES} parts that are allowed; repeat less.`);
    }
    return nodes.push(node) - 1;
  };
  /** The first node of a part that goes on at `next`. */
  const write = (part: Grammar, next: number): number => {
    switch (part.kind) {
      case 'byte':
        return add({ kind: 'byte', ranges: part.ranges, next });
      case 'sequence':
        return part.parts.reduceRight((after, each) => write(each, after), next);
      case 'choice':
        return add({ kind: 'split', next: part.alternatives.map((each) => write(each, next)) });
      case 'repeat':
        return writeRepeat(part, next);
      case 'rule': {
        if (!starts.has(part.rule)) {
          starts.set(part.rule, RETURN); // until it is written
          unwritten.push(part.rule);
        }
        return add({ kind: 'call', rule: part.rule, next });
      }
    }
  };
  const writeRepeat = ({ part, min, max }: Extract<Grammar, { kind: 'repeat' }>, next: number): number => {
    let at = next;
    if (max === Number.POSITIVE_INFINITY) {
      const ends: number[] = [next];
      at = add({ kind: 'split', next: ends });
      ends.unshift(write(part, at));
    } else {
      for (let time = min; time < max; time++) at = add({ kind: 'split', next: [write(part, at), next] });
    }
    for (let time = 0; time < min; time++) at = write(part, at);
    return at;
  };
  const start = write(grammar, RETURN);
  for (let next = unwritten.pop(); next; next = unwritten.pop()) starts.set(next, write(next.body(), RETURN));
  return withoutDeadEnds({ nodes, start, starts });
}

/** Only the ways that lead to the end. @throws {ConstraintError} when there is none */
function withoutDeadEnds({ nodes, start, starts }: Network): Network {
  /** What is known to come to an end once a node does, if the rest of it does, too. */
  const dependents = nodes.map((): number[] => []);
  for (const [at, node] of nodes.entries()) {
    const needed = node.kind === 'return' ? [] : node.kind === 'split' ? node.next : [node.next];
    for (const to of needed) dependents[to]!.push(at);
    if (node.kind === 'call') dependents[starts.get(node.rule)!]!.push(at); // every rule is written
  }
  const ends = new Uint8Array(nodes.length);
  const comesToAnEnd = (node: Node): boolean => {
    if (node.kind === 'byte') return node.ranges.length > 0;
    return node.kind !== 'call' || (ends[node.next] === 1 && ends[starts.get(node.rule)!] === 1);
  };
  const waiting = [RETURN];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (ends[at] === 1 || !comesToAnEnd(nodes[at]!)) continue;
    ends[at] = 1;
    for (const dependent of dependents[at]!) waiting.push(dependent);
  }
  if (ends[start] === 0) throw new ConstraintError('no text belongs to it.');
  const living = nodes.map((node, at): Node => {
    if (ends[at] === 0) return { kind: 'split', next: [] };
    return node.kind === 'split' ? { kind: 'split', next: node.next.filter((to) => ends[to] === 1) } : node;
  });
  return { nodes: living, start, starts };
}
