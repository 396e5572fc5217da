/** Too many groups in a row had nothing to learn from. */
export class NoSignalError extends Error {
  override readonly name = 'NoSignalError';
  readonly code = 'ERR_GRPO_NO_SIGNAL';
  /** Groups that were turned away, by kind. */
  readonly counts: { readonly allRight: number; readonly allWrong: number; readonly other: number };

  constructor(groupsPerStep: number, counts: NoSignalError['counts']) {
    const { allRight, allWrong, other } = counts;
    super(
      `No batch of ${groupsPerStep} groups formed: of ${allRight + allWrong + other} that were turned away, all completions ` +
        `were right in ${allRight}, none in ${allWrong}, and ${other} had equal rewards otherwise or were truncated. Where all ` +
        'are right the tasks are too easy, where none is they are too hard or the format is not met: add a warm-up, other tasks, ' +
        'more completions a group (grpo.groupSize), or raise grpo.maxReplacements.',
    );
    this.counts = counts;
  }
}
