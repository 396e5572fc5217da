import { Automaton, DEAD } from '../../src/constraint/automaton.ts';
import type { Grammar } from '../../src/constraint/grammar.ts';
import { networkOf } from '../../src/constraint/network.ts';

/** Whether a text belongs to a grammar. */
export function reads(grammar: Grammar | Automaton, text: string | Uint8Array): boolean {
  const automaton = grammar instanceof Automaton ? grammar : new Automaton(networkOf(grammar));
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  let state = automaton.start;
  for (const byte of bytes) state = automaton.next(state, byte);
  return automaton.accepts(state);
}

export const automatonOf = (grammar: Grammar): Automaton => new Automaton(networkOf(grammar));

/** A text of a grammar by choices from 0 on, below the number given; `undefined` when they do not come to an end. */
export function write(grammar: Grammar, choose: (numChoices: number) => number): string | undefined {
  const automaton = automatonOf(grammar);
  const bytes: number[] = [];
  let state = automaton.start;
  while (bytes.length < 1000) {
    const next = allBytes.filter((byte) => automaton.next(state, byte) !== DEAD);
    const closing = next.filter((byte) => closers.includes(byte));
    if (next.length === 0 || (automaton.accepts(state) && choose(3) === 0)) {
      return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
    }
    const from = closing.length > 0 && choose(2) === 0 ? closing : next;
    bytes.push(from[choose(from.length)]!);
    state = automaton.next(state, bytes.at(-1)!);
  }
  return undefined;
}

const allBytes = Array.from({ length: 256 }, (_, byte) => byte);
const closers = Array.from('"]}', (sign) => sign.charCodeAt(0));
