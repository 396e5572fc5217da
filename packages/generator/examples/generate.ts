// node examples/generate.ts <model folder> [prompt]
import { Generator } from '@forge/generator';

const [, , model = 'Qwen3-0.6B', prompt = 'The capital of France is'] = process.argv;
await using generator = await Generator.options({ procs: 1 }).asActor({ model });
for (const { text, finishReason } of await generator.generate.callOne(prompt, { n: 4, maxTokens: 32 })) {
  console.log(`[${finishReason}] ${text}`);
}
