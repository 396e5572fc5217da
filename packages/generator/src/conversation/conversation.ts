import type { ChatMessage, ChatOptions } from '@forge/models';
import type { ActorMesh } from '@forge/monarch';
import type { Service, Session } from '@forge/service';
import type { Completion } from '../engine/completion.ts';
import { ConversationError } from '../errors.ts';
import type { Generator } from '../generator.ts';
import type { SamplingParams } from '../sampling/sampling-params.ts';

type Asked = 'reply' | 'forget';
/** One generator: its actor, or a session of a service. */
type OneGenerator = Pick<ActorMesh<Generator, never>, Asked> | Pick<Session<Generator>, Asked>;
/** Who may be talked to: a generator, a session of a service, or a service, which a session is opened with. */
export type ConversationPartner = OneGenerator | Pick<Service<Generator>, Asked | 'session'>;

/** How a conversation goes. */
export interface ConversationOptions {
  /** Messages before the first turn, such as instructions. @default none */
  readonly messages?: readonly ChatMessage[];
  /** Of every turn, unless the turn says otherwise. @default those of the generator */
  readonly sampling?: SamplingParams;
  /** Tools and variables for the chat template. @default none */
  readonly template?: ChatOptions;
}

/** Options of one turn; `n` is always 1. */
export interface TurnOptions extends Omit<SamplingParams, 'n'> {
  /** Gives the turn up; the conversation is then as it was before. */
  readonly signal?: AbortSignal;
  /** Tokens of the whole conversation, this answer included, at most. @default what the model can read */
  readonly maxLength?: number;
}

/** Options of one turn that is answered several times. */
export interface BranchOptions extends TurnOptions {
  /** How many times. */
  readonly n: number;
}

/** All of a conversation as one sequence to train on: the first prompt, and everything after it. */
export interface ConversationTokens {
  readonly promptIds: readonly number[];
  readonly tokenIds: readonly number[];
  /** [tokens] 1 where the model sampled the token, 0 where a message appended it. */
  readonly mask: Uint8Array;
  /** [tokens] Of sampled tokens; 0 elsewhere. */
  readonly logProbs: Float32Array;
  /** [tokens] The weight version of a sampled token; of an appended one that of the token after it. */
  readonly versions: Int32Array;
}

/**
 * A conversation with a generator, tokens in and tokens out: each turn appends the tokens of its messages to all tokens so
 * far and samples on. What was sampled is never decoded and encoded again, so that a trainer sees the very tokens that
 * the policy chose. The generator keeps keys and values between turns until its weights change.
 *
 * ```ts
 * await using conversation = await Conversation.open(policy, { sampling: { maxTokens: 256 } });
 * const question = await conversation.say('What is 6 × 7? Use the calculator.');
 * const answer = await conversation.say([{ role: 'tool', content: '42' }]);
 * const { promptIds, tokenIds, mask, logProbs } = conversation.tokens();
 * ```
 */
export class Conversation implements AsyncDisposable {
  readonly #generator: OneGenerator;
  readonly #close: () => Promise<void>;
  readonly #options: ConversationOptions;
  /** Tokens that it has in common with the one it was forked from. */
  readonly #numInherited: number;
  #messages: readonly ChatMessage[];
  #turns: readonly Completion[];
  #isAnswering = false;

  private constructor(
    generator: OneGenerator,
    options: ConversationOptions,
    { turns, messages, numInherited, close }: Beginning,
  ) {
    this.#generator = generator;
    this.#options = options;
    this.#turns = turns;
    this.#messages = messages;
    this.#numInherited = numInherited;
    this.#close = close;
  }

  /** Begins a conversation. With a service it sticks to one replica, and goes on with another when that is lost. */
  static async open(partner: ConversationPartner, options: ConversationOptions = {}): Promise<Conversation> {
    const { messages = [] } = options;
    const beginning = { turns: [], messages, numInherited: 0 };
    if (!('session' in partner)) return new Conversation(partner, options, { ...beginning, close: async () => {} });
    const session = await partner.session({ whenLost: 'move' });
    return new Conversation(session, options, { ...beginning, close: () => session.close() });
  }

  /** What was said, in order. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** What the model said, with its tokens: those of a turn's `promptIds` are all tokens before it. */
  get turns(): readonly Completion[] {
    return this.#turns;
  }

  /** All tokens so far. */
  get ids(): readonly number[] {
    const last = this.#turns.at(-1);
    return last ? [...last.promptIds, ...last.tokenIds] : [];
  }

  /**
   * Says something, a text as the user, and returns the answer. When it fails, the conversation is as it was before.
   *
   * @throws {ConversationError} during another turn, or when the chat template cannot go on from here.
   * @throws {ConversationFullError} when what is said leaves no room for an answer.
   */
  async say(added: string | readonly ChatMessage[], options: TurnOptions = {}): Promise<Completion> {
    if (this.#isAnswering) throw new ConversationError('The last turn is not answered yet. Wait for it, or fork.');
    this.#isAnswering = true;
    try {
      const said = messagesOf(added);
      const [answer] = await this.#ask(said, { ...options, n: 1 });
      this.#messages = [...this.#messages, ...said, assistant(answer!)]; // one was asked for
      this.#turns = [...this.#turns, answer!];
      return answer!;
    } finally {
      this.#isAnswering = false;
    }
  }

  /**
   * Says something and goes on with each of `n` answers: conversations that share all until now, such as the rollouts of one
   * prompt. What was said is computed once; this conversation stays as it is.
   *
   * @throws as {@link say} does.
   */
  async branch(added: string | readonly ChatMessage[], options: BranchOptions): Promise<readonly Conversation[]> {
    const said = messagesOf(added);
    const { messages, turns, ids } = this;
    const answers = await this.#ask(said, options);
    return answers.map((answer) =>
      this.#continued({
        messages: [...messages, ...said, assistant(answer)],
        turns: [...turns, answer],
        numInherited: ids.length,
      }),
    );
  }

  /** Another conversation that goes on from here, with the same generator, and shares its keys and values so far. */
  fork(): Conversation {
    const { messages, turns, ids } = this;
    return this.#continued({ messages, turns, numInherited: ids.length });
  }

  #continued(beginning: Omit<Beginning, 'close'>): Conversation {
    return new Conversation(this.#generator, this.#options, { ...beginning, close: async () => {} });
  }

  #ask(
    said: readonly ChatMessage[],
    { signal, maxLength, ...sampling }: BranchOptions,
  ): Promise<readonly Completion[]> {
    const { template = {} } = this.#options;
    const reply = replyOf(this.#generator, signal);
    return reply(
      { messages: this.#messages, ids: this.ids },
      said,
      { ...this.#options.sampling, ...sampling },
      {
        ...template,
        ...(maxLength !== undefined && { maxLength }),
      },
    );
  }

  /** All tokens as one sequence, with the mask of what the model chose. @throws {ConversationError} before the first turn */
  tokens(): ConversationTokens {
    const [first] = this.#turns;
    if (!first) throw new ConversationError('Nothing was said yet. Ask for the tokens after a turn.');
    const { length: numPrompt } = first.promptIds;
    const tokenIds = this.ids.slice(numPrompt);
    const mask = new Uint8Array(tokenIds.length);
    const logProbs = new Float32Array(tokenIds.length);
    const versions = new Int32Array(tokenIds.length);
    let end = 0;
    for (const turn of this.#turns) {
      const from = turn.promptIds.length - numPrompt;
      mask.fill(1, from, from + turn.tokenIds.length);
      logProbs.set(turn.logProbs, from);
      versions.fill(turn.versions[0] ?? 0, end, from);
      versions.set(turn.versions, from);
      end = from + turn.tokenIds.length;
    }
    return { promptIds: first.promptIds, tokenIds, mask, logProbs, versions };
  }

  /** Lets the generator forget the keys and values of this conversation alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { ids } = this;
    // A generator that is gone has forgotten them.
    await forgetOf(this.#generator)(ids, this.#numInherited).catch(() => undefined);
    await this.#close();
  }
}

/** What a conversation begins with. */
interface Beginning {
  readonly turns: readonly Completion[];
  readonly messages: readonly ChatMessage[];
  readonly numInherited: number;
  readonly close: () => Promise<void>;
}

const messagesOf = (said: string | readonly ChatMessage[]): readonly ChatMessage[] =>
  typeof said === 'string' ? [{ role: 'user', content: said }] : said;

const assistant = ({ text }: Completion): ChatMessage => ({ role: 'assistant', content: text });

const replyOf = ({ reply }: OneGenerator, signal: AbortSignal | undefined) => {
  const options = signal ? { signal } : {};
  return 'route' in reply ? reply.with(options).route : reply.with(options).callOne;
};

const forgetOf = ({ forget }: OneGenerator) => ('route' in forget ? forget.route : forget.callOne);
