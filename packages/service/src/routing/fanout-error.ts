/** What one replica answered to a fanout. */
export type FanoutOutcome<R> =
  | { readonly replica: number; readonly ok: true; readonly value: R }
  | { readonly replica: number; readonly ok: false; readonly error: unknown };

/** Some replicas did not answer a fanout with a value; `errors` are theirs, `outcomes` everybody's. */
export class FanoutError extends AggregateError {
  override readonly name = 'FanoutError';
  readonly code = 'ERR_SERVICE_FANOUT';
  readonly endpoint: string;
  readonly outcomes: readonly FanoutOutcome<unknown>[];

  constructor(service: string, endpoint: string, outcomes: readonly FanoutOutcome<unknown>[]) {
    const failed = outcomes.filter((outcome) => !outcome.ok);
    const first = failed[0]?.error;
    super(
      failed.map(({ error }) => error),
      `${service}.${endpoint} failed on replicas ${failed.map(({ replica }) => replica).join(', ')} of ` +
        `${outcomes.length}: ${first instanceof Error ? first.message : String(first)}`,
    );
    this.endpoint = endpoint;
    this.outcomes = outcomes;
  }
}
