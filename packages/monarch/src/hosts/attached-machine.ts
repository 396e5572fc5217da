import type { Route } from './route.ts';

/** A machine that a program has attached, for as long as it can be reached. */
export interface AttachedMachine {
  /** Of the machine in the program, and of its agent process. */
  readonly id: string;
  readonly route: Route;
  /** What the machine has said of itself. */
  readonly machine: {
    /** Folders from which it loads actor modules. */
    readonly allow: readonly string[];
  };
  /** Why it cannot be used any more. */
  readonly lost: string | undefined;
  /** Tells once when it is lost, until the returned function is called. */
  onLost(listener: (reason: string) => void): () => void;
  /** Ends everything that the program has there. */
  detach(): Promise<void>;
  /** The same without waiting, as this process ends. */
  detachNow(): void;
}
