import type { ActorMesh } from '@forge/monarch';
import type { Service } from '@forge/service';
import type { Completion, Generator } from '../src/index.ts';

declare const one: ActorMesh<Generator, never>;
declare const service: Service<Generator>;

export const completions: Promise<readonly Completion[]> = one.generate.callOne([1, 2, 3], { n: 2, stop: 'END' });
export const batches: Promise<readonly (readonly Completion[])[]> = service.generateBatch.route(['a', [1, 2]]);
export const versions: Promise<readonly number[]> = service.getVersion.fanout();
export const updated: Promise<unknown> = service.updateWeights.fanout(7, { mode: 'drain' });

one.generate.callOne('prompt', { structuredOutputs: { regex: '[0-9]+', flags: 'i' } });
one.generate.callOne('prompt', { structuredOutputs: { json: { type: 'object' }, whitespace: 'any' } });
// @ts-expect-error whitespace has three kinds
one.generate.callOne('prompt', { structuredOutputs: { json: {}, whitespace: 'some' } });
// @ts-expect-error a choice is among texts
one.generate.callOne('prompt', { structuredOutputs: { choice: 'yes' } });
// @ts-expect-error options have the names of vLLM in camel case
one.generate.callOne('prompt', { max_tokens: 5 });
// @ts-expect-error there are three modes
one.updateWeights.callOne(1, { mode: 'pause' });
// @ts-expect-error a version is a number
one.updateWeights.callOne('policy_ver_0000000001');
// @ts-expect-error what is not an endpoint is not reachable
one.setup;
// @ts-expect-error completions do not change
export const pushed = completions.then(([completion]) => completion?.tokenIds.push(1));
