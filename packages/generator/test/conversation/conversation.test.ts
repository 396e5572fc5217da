import { initialize } from '@forge/models';
import { openStore, policyVersionPrefix } from '@forge/torchstore';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Conversation } from '../../src/conversation/conversation.ts';
import { Generator } from '../../src/generator.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
beforeAll(async () => {
  folder = await makeModelFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const blockOf = (numTokens: number) => Math.floor(numTokens / 16) * 16;
const sampling = { maxTokens: 20, seed: 1 };

describe.each(['inline', 'process'] as const)('a conversation with a generator, %s', (kind) => {
  test('keeps every token, computes only what is new, and is one sequence with its mask', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads: 1 });
    await using conversation = await Conversation.open(generator, { sampling });
    const first = await conversation.say('What is 2 + 3? Think about it for a while.');
    const second = await conversation.say([{ role: 'tool', content: '5' }], { seed: 2, maxTokens: 7 });
    const third = await conversation.say('Are you sure?');

    expect(second.promptIds.slice(0, first.promptIds.length + 20)).toEqual([...first.promptIds, ...first.tokenIds]);
    expect(third.promptIds.slice(0, second.promptIds.length + 7)).toEqual([...second.promptIds, ...second.tokenIds]);
    expect(conversation.ids).toEqual([...third.promptIds, ...third.tokenIds]);
    expect(conversation.messages.map(({ role }) => role)).toEqual(
      ['user', 'assistant', 'tool', 'assistant', 'user', 'assistant'], // in turns
    );
    // All but the last token of a turn are in its slot when it ends.
    expect(second.numCachedTokens).toBe(blockOf(first.promptIds.length + first.tokenIds.length - 1));
    expect(third.numCachedTokens).toBe(blockOf(second.promptIds.length + second.tokenIds.length - 1));

    const { promptIds, tokenIds, mask, logProbs, versions } = conversation.tokens();
    expect([...promptIds, ...tokenIds]).toEqual(conversation.ids);
    const chosen = (values: ArrayLike<number>) => Array.from(values).filter((_, at) => mask[at] === 1);
    expect(chosen(tokenIds)).toEqual([first, second, third].flatMap((turn) => turn.tokenIds));
    expect(chosen(logProbs)).toEqual([first, second, third].flatMap((turn) => [...turn.logProbs]));
    expect(logProbs.filter((_, at) => mask[at] === 0).every((value) => value === 0)).toBe(true);
    expect(versions).toEqual(new Int32Array(tokenIds.length));
  });

  test('that is closed leaves nothing behind, and what others share stays', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads: 1 });
    const conversation = await Conversation.open(generator, { sampling });
    await conversation.say('What is 2 + 3? Think about it for a while.');
    const [one, other] = [conversation.fork(), conversation.fork()];
    const answers = await Promise.all([one.say('Why?', { seed: 5 }), other.say('Why?', { seed: 6 })]);
    expect(answers[0].promptIds).toEqual(answers[1].promptIds);
    expect(answers[0].tokenIds).not.toEqual(answers[1].tokenIds);
    const numCached = async (ids: readonly number[]) =>
      (await generator.generate.callOne(ids, { maxTokens: 1 }))[0]!.numCachedTokens;
    const oneIds = one.ids;
    await one[Symbol.asyncDispose]();
    expect(await numCached(oneIds)).toBe(blockOf(answers[0].promptIds.length - 1)); // the other's begins with as much
    await generator.forget.callOne(oneIds);
    await other[Symbol.asyncDispose]();
    expect(await numCached(conversation.ids)).toBe(blockOf(conversation.ids.length - 1));
    await conversation[Symbol.asyncDispose]();
    expect(await numCached(oneIds)).toBe(0);
  });

  test('branches into the completions of its prompt, which is computed once', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads: 1 });
    const messages = [{ role: 'user', content: 'What is 2 + 3? Think about it for a while.' }];
    const options = { n: 3, maxTokens: 20, seed: 7 };
    const asked = await generator.chat.callOne(messages, options);
    await generator.forget.callOne(asked[0]!.promptIds);
    const conversation = await Conversation.open(generator);
    const branches = await conversation.branch(messages, options);
    const first = branches.map(({ turns }) => turns[0]!);
    expect(first.map(({ tokenIds, logProbs, prompt }) => ({ tokenIds, logProbs, prompt }))).toEqual(
      asked.map(({ tokenIds, logProbs, prompt }) => ({ tokenIds, logProbs, prompt })),
    );
    expect(conversation.turns).toEqual([]);
    const second = await Promise.all(branches.map((branch, seed) => branch.say('Go on', { seed, maxTokens: 3 })));
    for (const [at, { promptIds }] of second.entries()) {
      expect(branches[at]!.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
      expect(promptIds.slice(0, first[at]!.promptIds.length + 20)).toEqual([
        ...first[at]!.promptIds,
        ...first[at]!.tokenIds,
      ]);
    }
    for (const branch of branches) await branch[Symbol.asyncDispose]();
    const [after] = await generator.chat.callOne(messages, options);
    expect(after!.numCachedTokens).toBe(0);
  });

  test('has a length that answers keep to, and that leaves room for one or refuses the turn', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads: 1 });
    await using conversation = await Conversation.open(generator, { sampling });
    const { promptIds } = await conversation.say('Hello', { maxTokens: 3 });
    const { length } = conversation.ids;
    const { tokenIds, finishReason } = await conversation
      .fork()
      .say('Go on', { maxLength: length + 40, maxTokens: 100 });
    expect(finishReason).toBe('length');
    const said = promptIds.length; // a turn of as many tokens, more or less
    expect(tokenIds.length).toBeLessThan(40);
    expect(tokenIds.length).toBeGreaterThan(40 - 2 * said);
    await expect(conversation.say('Go on', { maxLength: length + 1 })).rejects.toMatchObject({
      cause: { code: 'ERR_GENERATOR_CONVERSATION_FULL', maxLength: length + 1 },
    });
    expect(conversation.ids).toHaveLength(length);
  });

  test('is as it was before when a turn is given up or refused', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads: 1 });
    await using conversation = await Conversation.open(generator, { sampling });
    await conversation.say('Hello');
    const { ids, messages } = conversation;
    await expect(conversation.say('Go on', { signal: AbortSignal.abort() })).rejects.toThrow();
    await expect(conversation.say('a '.repeat(600))).rejects.toMatchObject({
      cause: { code: 'ERR_GENERATOR_CONVERSATION_FULL' },
    });
    await expect(conversation.say([])).rejects.toMatchObject({ cause: { code: 'ERR_GENERATOR_CONVERSATION' } });
    const turn = conversation.say('Bye');
    await expect(conversation.say('Too early')).rejects.toMatchObject({ code: 'ERR_GENERATOR_CONVERSATION' });
    expect(conversation.messages).toBe(messages);
    expect(conversation.ids).toEqual(ids);
    expect((await turn).promptIds.slice(0, ids.length)).toEqual(ids);
  });
});

test('a conversation with a service sticks to a replica, and tells the version of every token', async () => {
  await using store = await openStore({ kind: 'inline' });
  await store.putStateDict(policyVersionPrefix(4), initialize(folder.config, 4));
  await using service = await Generator.options({ kind: 'inline', numReplicas: 2 }).asService({
    model: folder.path,
    store: store.reference,
    threads: 1,
  });
  await service.updateWeights.fanout(4);
  const conversations = await Promise.all([1, 2].map(() => Conversation.open(service, { sampling })));
  for (const conversation of conversations) {
    const [first, second] = [await conversation.say('What is 2 + 3?'), await conversation.say('And 3 + 4?')];
    expect(second.numCachedTokens).toBe(blockOf(first.promptIds.length + first.tokenIds.length - 1));
    expect(new Set(conversation.tokens().versions)).toEqual(new Set([4]));
    await conversation[Symbol.asyncDispose]();
  }
  expect(service.metrics()).toMatchObject({ service: { totalSessions: 0 } });
});
