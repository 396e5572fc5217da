/** Characters without a line break that are waited for; then they are a line. */
const MAX_OPEN_CHARS = 2 ** 19;

/** Cuts text into lines. What a lone carriage return overwrites on a terminal, such as a progress bar, is left out. */
export interface LineSplitter {
  write(text: string): void;
  /** Gives the last line, which no line break closed. */
  end(): void;
}

/** A splitter that gives each line, without its line break, to `onLine`. */
export function lineSplitter(onLine: (line: string) => void): LineSplitter {
  let rest = '';
  const give = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    onLine(text.slice(text.lastIndexOf('\r') + 1));
  };
  return {
    write: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) give(line);
      if (rest.length < MAX_OPEN_CHARS) return;
      give(rest);
      rest = '';
    },
    end: () => {
      if (rest !== '') give(rest);
      rest = '';
    },
  };
}
