/** The tools that a configuration can name without a module. */
export const toolNames = ['calculator', 'python', 'search'] as const;
export type ToolName = (typeof toolNames)[number];

export const isToolName = (name: string): name is ToolName => toolNames.some((each) => each === name);
