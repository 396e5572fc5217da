import { writeFileSync } from 'node:fs';
import { DatasetActor, ReplayBuffer, type Versioned } from '@forge/data';

writeFileSync('train.jsonl', '{"question": "What is 3 + 5?", "answer": "3 + 5 = 8 #### 8"}\n');
await using dataset = await DatasetActor.asActor({ path: 'train.jsonl', seed: 1 });
const { messages, target, number } = await dataset.sample.callOne();

type Scored = Versioned & { readonly question: string; readonly reward: number };
const Scores = ReplayBuffer<Scored>;
await using buffer = await Scores.asActor({ batchSize: 1, maxPolicyAge: 1 });
await buffer.add.callOne({ number, policyVersion: 0, question: messages[0]!.content, reward: Number(target === '8') });
console.log(await buffer.sample.callOne(1)); // trained at version 1: one version behind, fresh enough
