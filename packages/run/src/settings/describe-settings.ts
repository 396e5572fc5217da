import type { SettingKey } from './setting-keys.ts';

export interface DescribeSettingsOptions {
  /** Characters a line. @default 100 */
  readonly columns?: number;
}

/** A list of settings for a terminal: key, default, and what it means, a section after the other. */
export function describeSettings(keys: readonly SettingKey[], { columns = 100 }: DescribeSettingsOptions = {}): string {
  const rows = keys.map(({ key, default: value, meaning, schema }) => ({
    key,
    value: value === undefined ? '' : shown(value),
    text: [meaning, ...(schema.enum ? [`(${schema.enum.join(', ')})`] : [])].filter(Boolean).join(' '),
  }));
  const width = (of: readonly string[]) => Math.max(0, ...of.map((text) => text.length));
  const keyWidth = width(rows.map(({ key }) => key));
  const valueWidth = Math.min(20, width(rows.map(({ value }) => value)));
  const indent = 2 + keyWidth + 2 + valueWidth + 2;
  const sections = Map.groupBy(rows, ({ key }) => key.split('.', 1)[0]);
  return [...sections.values()]
    .map((section) =>
      section
        .map(({ key, value, text }) => {
          const first = `  ${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  `;
          const [line = '', ...rest] = wrapped(text, Math.max(30, columns - indent));
          // A default too wide for its column has a line for itself.
          const head = first.length > indent ? [first.trimEnd(), `${' '.repeat(indent)}${line}`] : [`${first}${line}`];
          return [...head, ...rest.map((each) => `${' '.repeat(indent)}${each}`)]
            .map((each) => each.trimEnd())
            .join('\n');
        })
        .join('\n'),
    )
    .join('\n\n');
}

/** Settings as Markdown, for a README: a heading and a table for each section. */
export function settingsTables(keys: readonly SettingKey[]): string {
  const sections = Map.groupBy(keys, ({ key }) => key.split('.', 1)[0]);
  return [...sections].map(([section, members]) => `### ${section}\n\n${tableOf(members)}`).join('\n\n');
}

function tableOf(keys: readonly SettingKey[]): string {
  const rows = [
    ['key', 'default', 'what it sets'],
    ...keys.map(({ key, default: value, meaning }) => [
      `\`${key}\``,
      value === undefined ? '' : `\`${JSON.stringify(value)}\``,
      meaning.replaceAll('|', '\\|'),
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length))); // of three cells each
  const line = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(['', '', ''], '-'), ...body.map((row) => line(row))].join('\n');
}

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
