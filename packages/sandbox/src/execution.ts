/** What came of running a piece of Python. */
export interface Execution {
  /** What it printed, up to `maxOutputBytes`. */
  readonly stdout: string;
  /** What it wrote to standard error, and the traceback of what ended it. Empty: it ran to its end. */
  readonly stderr: string;
  /** `repr` of its last line when that is an expression with a value, as a notebook shows it. */
  readonly result: string | undefined;
  /** It was stopped because its time was over; what it had printed until then is here. */
  readonly timedOut: boolean;
}

/** What one execution may have beside its code. */
export interface ExecuteOptions {
  /** What it reads from standard input. @default '' */
  readonly stdin?: string;
  /** Wall-clock time in ms, no more than that of the sandbox. @default that of the sandbox */
  readonly timeoutMs?: number;
}
