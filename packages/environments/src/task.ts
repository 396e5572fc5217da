/** One message of a conversation, as chat templates take it; they may read further fields, such as `tool_calls`. */
export interface Message {
  readonly role: string;
  readonly content: string;
  readonly [field: string]: unknown;
}

/** What a file can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Something for a model to do, and what its answer is held against. Plain data: it goes between processes and into files. */
export interface Task {
  /** What is said before the model answers. */
  readonly messages: readonly Message[];
  /** The right answer, in the form that rewards compare; empty where nothing is compared. */
  readonly target: string;
  /**
   * What supervised training imitates: an answer as it should read, thoughts included; of several turns, the messages that
   * should follow, of the `assistant` and in between.
   */
  readonly demonstration?: string | readonly Message[];
  /** What else a record says, for rewards and environments. */
  readonly fields?: Readonly<Record<string, Json>>;
  /** The name of the environment that it is played in. @default one turn: the answer is all there is */
  readonly environment?: string;
  /** Where it is from, as metrics are told apart. */
  readonly source?: string;
}
