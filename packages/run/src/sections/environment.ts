import { environments } from '@forge/environments';
import { z } from 'zod';
import { isToolName, toolNames } from '../environments/tool-names.ts';
import { count } from './numbers.ts';

/** Where episodes happen that have more to them than a prompt and an answer. */
export const environmentSettings = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .describe('environment of tasks that name none; without it, and without tools, an episode is one answer'),
    module: z
      .string()
      .min(1)
      .optional()
      .describe(
        'a module of your own that exports `environments` or `tools`, see [`@forge/environments`](../../packages/environments)',
      ),
    tools: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'what the model may call in tasks that name no environment: `calculator`, `python`, `search`, those of `environment.module`',
      ),
    documents: z.string().min(1).optional().describe('a file of texts, one a line, that `search` searches'),
    maxTurns: count.default(8).describe('answers of the model in one episode'),
    maxTokens: count
      .optional()
      .describe(
        'of an episode after its prompt, what the model is told included; as many as the model can read when left out',
      ),
    maxToolCalls: count.default(16).describe('in one episode; those beyond fail'),
    timeoutMs: count.default(10_000).describe('of one call of a tool, and of one step of an environment'),
    replicas: count.default(1).describe('processes for `python` and what is of `environment.module`'),
  })
  .prefault({})
  .superRefine(({ name, module, tools, documents }, context) => {
    const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const hasName = name !== undefined;
    if (hasName && tools.length > 0) {
      refuse('tools', `${tools.join(', ')} would not be used: environment.name is ${name}; leave out one of the two`);
    }
    if (module !== undefined) return;
    if (hasName && !Object.hasOwn(environments, name)) {
      refuse('name', `"${name}" must be one of ${Object.keys(environments).join(', ')}, or of environment.module`);
    }
    for (const tool of tools.filter((each) => !isToolName(each))) {
      refuse('tools', `"${tool}" must be one of ${toolNames.join(', ')}, or of environment.module`);
    }
    if (tools.includes('search') && documents === undefined) refuse('documents', 'search needs a file to search in');
    if (documents !== undefined && !tools.includes('search')) {
      refuse('documents', `${documents} would not be used: environment.tools does not have search`);
    }
  });

export type EnvironmentConfig = z.infer<typeof environmentSettings>;
