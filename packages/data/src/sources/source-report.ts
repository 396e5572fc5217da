/** What reading a source found. */
export interface SourceReport {
  readonly name: string;
  /** The form of its records; `generated` where there are none. */
  readonly form: string;
  /** Fields of the first record. */
  readonly columns: readonly string[];
  readonly files: number;
  /** All that were found, the broken ones included. */
  readonly records: number;
  readonly broken: number;
  /** What is wrong with the first of them. */
  readonly firstBroken: readonly string[];
  /** Tasks that are trained on; absent where they are made without end. */
  readonly tasks?: number;
  readonly heldOut: number;
  /** Neither trained on nor evaluated, because they ask what a held-out task asks. */
  readonly leaked: number;
  /** Tasks of training that ask what one before asks; not counted where they stay in their files. */
  readonly duplicates?: number;
}

/** A report as a line for a person, and one for each message about broken records. */
export function reportLines(report: SourceReport): readonly string[] {
  const { name, form, records, broken, firstBroken, tasks, heldOut, leaked, duplicates = 0 } = report;
  if (tasks === undefined) return [`${name}: made as they are needed, ${heldOut} held out`];
  const parts = [
    `${count(records)} records as ${form}`,
    `${count(tasks)} to train on`,
    `${count(heldOut)} held out`,
    ...(broken > 0 ? [`${count(broken)} broken`] : []),
    ...(leaked > 0 ? [`${count(leaked)} left out because they are held out`] : []),
    ...(duplicates > 0 ? [`${count(duplicates)} ask what others ask`] : []),
  ];
  return [`${name}: ${parts.join(', ')}`, ...firstBroken.map((message) => `  skipped: ${message}`)];
}

const count = (value: number): string => value.toLocaleString('en');
