import { program } from '../program/current-program.ts';

/** A table that a library shows of itself on the admin page, with the process that it runs in. */
export interface Board {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/**
 * Shows what `look` returns on the admin page and in `/v1/tree`, asked with each look at the program, until the
 * returned function is called. `look` must not throw.
 */
export function showBoard(look: () => Board): () => void {
  const { boards } = program();
  boards.add(look);
  return () => void boards.delete(look);
}
