/** Settings, the command line, or what they name cannot be used. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'ERR_RUN_SETTINGS';
  /** One sentence each, with its place. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
