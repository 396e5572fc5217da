import { createHash, type Hash } from 'node:crypto';
import path from 'node:path';
import type { Task } from '@forge/environments';
import type { ModelConfig, Tokenizer } from '@forge/models';
import { SettingsError } from '../settings/settings-error.ts';
import { conversation } from './prompt.ts';

/** How prompts are made, and for which model. */
export interface Prompts {
  readonly tokenizer: Tokenizer;
  readonly modelFolder: string;
  readonly model: ModelConfig;
}

/** Tokens of prompts. */
export interface PromptTokens {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** Prompts that were counted: all of the first ten thousand, then one in ten. */
  readonly measured: number;
}

/** Of a source, all of which are counted; beyond, one in {@link SAMPLED}. */
const COUNTED = 10_000;
const SAMPLED = 10;

/**
 * Asks for each task as the generator will: a folder may lack a chat template, have the tokenizer of another model, or a prompt
 * may leave no room for an answer.
 */
export class PromptCheck {
  readonly #prompts: Prompts;
  readonly #lengths = new Map<string, number[]>();
  readonly #seen = new Map<string, number>();
  readonly #hashes = new Map<string, Hash>();

  constructor(prompts: Prompts) {
    this.#prompts = prompts;
  }

  /**
   * What is wrong with a task, as a sentence; `undefined` when all is well.
   *
   * @throws {SettingsError} when the tokenizer is of another model.
   */
  problemOf(task: Task, source: string): string | undefined {
    const { tokenizer, modelFolder, model } = this.#prompts;
    const prompt = tokenizer.applyChatTemplate(conversation(task), { addGenerationPrompt: true });
    const seen = this.#seen.get(source) ?? 0;
    this.#seen.set(source, seen + 1);
    const hash = this.#hashes.get(source) ?? createHash('sha256');
    this.#hashes.set(source, hash);
    hash.update(`${JSON.stringify([task.messages, task.target])}\n`);
    // A token is one byte at least, so what is as short as this fits, and most need not be counted.
    const mayBeLong = Buffer.byteLength(prompt) >= model.maxPositionEmbeddings;
    if (!mayBeLong && seen >= COUNTED && seen % SAMPLED !== 0) return undefined;
    const length = this.#count(prompt);
    if (length >= model.maxPositionEmbeddings) {
      return (
        `its prompt has ${length} tokens, which leaves no room for an answer: ` +
        `max_position_embeddings in ${path.join(modelFolder, 'config.json')} is ${model.maxPositionEmbeddings}.`
      );
    }
    const lengths = this.#lengths.get(source) ?? [];
    this.#lengths.set(source, lengths);
    lengths.push(length);
    return undefined;
  }

  /** Of the tasks of a source that were counted. */
  tokensOf(source: string): PromptTokens | undefined {
    const lengths = this.#lengths.get(source)?.toSorted((a, b) => a - b);
    if (lengths === undefined) return undefined;
    const at = (share: number) => lengths[Math.min(lengths.length - 1, Math.floor(share * lengths.length))]!; // not empty
    return { p50: at(0.5), p95: at(0.95), max: at(1), measured: lengths.length };
  }

  /** A hash of the tasks of a source, in their order. */
  digestOf(source: string): string | undefined {
    return this.#hashes.get(source)?.copy().digest('hex').slice(0, 32);
  }

  #count(prompt: string): number {
    const { tokenizer, modelFolder, model } = this.#prompts;
    const ids = tokenizer.encode(prompt);
    const largest = [...ids, ...tokenizer.eosTokenIds].reduce((a, b) => Math.max(a, b), 0);
    if (largest < model.vocabSize) return ids.length;
    throw new SettingsError([
      `${path.join(modelFolder, 'tokenizer.json')}: gives token ${largest}, but the model has ${model.vocabSize} tokens ` +
        '(vocab_size in config.json). Are both of one model?',
    ]);
  }
}
