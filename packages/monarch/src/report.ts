import { exitText, MeshFailure } from './errors.ts';

/** What a person reads when a failure that nobody handled ends the program. */
export function failureReport(failure: MeshFailure): string {
  const { process, chain } = failure;
  const origin = originOf(failure);
  const lines = [`forge: ${failure.message}`];
  if (chain.length > 0) lines.push(`  passed on, not handled, by: ${chain.join(', ')}`);
  if (process !== undefined) {
    const { stderrTail } = process;
    const end = exitText(process);
    // The message of a failure that climbed need not say it.
    if (!failure.message.includes(end)) lines.push(`  ${end}`);
    if (stderrTail.length > 0) lines.push('  its last lines on stderr:', ...stderrTail.map((line) => `    ${line}`));
  }
  if (origin instanceof Error) lines.push('  the error:', ...indented(origin.stack ?? origin.message));
  lines.push('Nobody handled this failure: everything is stopped, with exit code 1.');
  return `${lines.join('\n')}\n`;
}

/** The error at the bottom of a failure that climbed. */
function originOf(failure: MeshFailure): unknown {
  let cause = failure.cause;
  while (cause instanceof MeshFailure) cause = cause.cause;
  return cause;
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `    ${line}`);
}
