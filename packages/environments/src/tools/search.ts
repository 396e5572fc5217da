import { TextIndex } from './text-index.ts';
import { defineTool, type Tool } from './tool.ts';

/** How much a search shows. */
export interface SearchToolOptions {
  /** Documents in one result. @default 3 */
  readonly maxResults?: number;
}

/** A tool that searches texts: `search({ query: 'mill Arden' })` is the best of them, one a line. */
export function searchTool(documents: readonly string[], { maxResults = 3 }: SearchToolOptions = {}): Tool {
  const index = new TextIndex(documents);
  return defineTool({
    name: 'search',
    description: 'The texts that fit some words best.',
    parameters: {
      type: 'object',
      properties: { query: { type: 'string', description: 'Words to look for.' } },
      required: ['query'],
    },
    call: ({ query }) => {
      const found = index.search(query, maxResults);
      return found.length === 0 ? 'Nothing was found.' : found.map(({ text }) => text).join('\n');
    },
  });
}
