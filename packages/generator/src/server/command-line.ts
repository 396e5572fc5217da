import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { QUANTIZATIONS, type Quantization } from '@forge/models';
import type { StructuredOutputs } from '../constraint/structured-outputs.ts';
import { CommandLineError } from '../errors.ts';
import type { ModelOptions } from '../open-model.ts';
import type { ServeOptions } from './serve.ts';

/** What `forge-generate --help` prints. */
export const HELP = `forge-generate: a language model on this machine

  forge-generate serve --model <folder> [--port 8000]     OpenAI's HTTP API: /v1/completions, /v1/chat/completions,
                                                          /v1/models, and /health, /metrics
  forge-generate chat  --model <folder>                   a conversation in the terminal

  --model <folder or name>    a Hugging Face folder, or a name on its hub such as Qwen/Qwen3-0.6B
  --lora <folder>             adapters in PEFT's format, merged into the weights
  --threads <n>               of onnxruntime (default: the cores)
  --max-sequences <n>         completions that are computed at the same time (default: 32)
  --max-model-length <n>      tokens of prompt and completion together (default: the model's)
  --kv-cache-gib <n>          memory for keys and values, at most (default: 4)
  --quantization FORM         int8 for many at once, int8-blocks or int4 for few: quicker, slightly other answers
                              (default: float32)
  --seed <n>                  of requests that bring none (default: 0)
  --help                      prints this

serve
  --host <address>            where to listen (default: 127.0.0.1); beyond loopback only with keys
  --port <n>                  0 takes a free one, which is printed (default: 8000)
  --served-model-name <name>  what requests call the model (default: the folder's name)
  --api-key-file <file>       one key a line; requests to /v1 must bear one of them
  --max-waiting <n>           completions that may wait; then 429 (default: 1024)
  --grace-seconds <n>         for requests in progress when it is told to stop (default: 30)

chat
  --system <text>             instructions before the conversation
  --max-tokens <n>            of an answer (default: what the model's length allows)
  --temperature <t>           0 takes the best token (default: 0.7)
  --regex <pattern>           what every answer must match, as a whole
  --json-schema <file>        a JSON schema that every answer must be a value of

  Point any OpenAI client at it:  new OpenAI({ baseURL: 'http://127.0.0.1:8000/v1', apiKey: 'none' })
`;

interface Both {
  readonly model: string;
  readonly engine: ModelOptions;
}
/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | (Both & {
      readonly kind: 'serve';
      readonly serve: ServeOptions;
      readonly graceMs: number;
    })
  | (Both & {
      readonly kind: 'chat';
      readonly system: string | undefined;
      readonly maxTokens: number;
      readonly temperature: number;
      readonly structuredOutputs: StructuredOutputs | undefined;
    });

const text = { type: 'string' } as const;
const options = {
  model: text,
  lora: text,
  threads: text,
  'max-sequences': text,
  'max-model-length': text,
  'kv-cache-gib': text,
  quantization: text,
  seed: text,
  host: text,
  port: text,
  'served-model-name': text,
  'api-key-file': text,
  'max-waiting': text,
  'grace-seconds': text,
  system: text,
  'max-tokens': text,
  temperature: text,
  regex: text,
  'json-schema': text,
  help: { type: 'boolean', short: 'h' },
} as const;
type Option = Exclude<keyof typeof options, 'help'>;
const loopback = /^(localhost|127\..*|::1)$/;

/** Reads the command line of `forge-generate`. @throws {CommandLineError} naming the option */
export function readCommand(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  const [kind] = positionals;
  if (values.help || (kind === undefined && argv.length === 0)) return { kind: 'help' };
  if (positionals.length !== 1 || (kind !== 'serve' && kind !== 'chat')) {
    throw new CommandLineError('command', `${positionals.join(' ') || 'nothing'} is given; it must be serve or chat.`);
  }
  const number = (option: Option, fallback: number, { least = 0, isWhole = true } = {}): number => {
    const given = values[option];
    if (given === undefined) return fallback;
    const value = Number(given);
    const isNumber = given.trim() !== '' && (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value));
    if (isNumber && value >= least) return value;
    throw new CommandLineError(option, `'${given}' is not a ${isWhole ? 'whole ' : ''}number of at least ${least}.`);
  };
  const optional = (name: string, option: Option) =>
    values[option] === undefined ? {} : { [name]: number(option, 0, { least: 1 }) };
  const { model } = values;
  if (model === undefined) throw new CommandLineError('model', 'which one? Such as --model ./Qwen3-0.6B.');
  const engine: ModelOptions = {
    ...(values.lora !== undefined && { lora: values.lora }),
    ...optional('threads', 'threads'),
    ...optional('maxSequences', 'max-sequences'),
    ...optional('maxModelLength', 'max-model-length'),
    ...(values.quantization !== undefined && { quantization: quantizationOf(values.quantization) }),
    kvCacheBytes: Math.floor(number('kv-cache-gib', 4, { isWhole: false }) * 2 ** 30),
    seed: number('seed', 0),
  };
  if (kind === 'chat') {
    return {
      kind,
      model,
      engine,
      system: values.system,
      maxTokens: number('max-tokens', Number.MAX_SAFE_INTEGER, { least: 1 }),
      temperature: number('temperature', 0.7, { isWhole: false }),
      structuredOutputs: structuredOutputsOf(values.regex, values['json-schema']),
    };
  }
  const host = values.host ?? '127.0.0.1';
  const apiKeys = readKeys(values['api-key-file']);
  if (apiKeys.length === 0 && !loopback.test(host)) {
    const problem = `${host} is reached from other machines, so keys are needed: --api-key-file <file>.`;
    throw new CommandLineError('host', problem);
  }
  return {
    kind,
    model,
    engine,
    serve: {
      ...(values['served-model-name'] !== undefined && { name: values['served-model-name'] }),
      host,
      port: number('port', 8000),
      apiKeys,
      maxWaiting: number('max-waiting', 1024),
    },
    graceMs: number('grace-seconds', 30, { isWhole: false }) * 1000,
  };
}

function structuredOutputsOf(regex: string | undefined, file: string | undefined): StructuredOutputs | undefined {
  if (file === undefined) return regex === undefined ? undefined : { regex };
  if (regex !== undefined) throw new CommandLineError('regex', 'is given beside --json-schema; give one of them.');
  try {
    return { json: JSON.parse(readFileSync(file, 'utf8')) as unknown };
  } catch (cause) {
    throw new CommandLineError('json-schema', `${file}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function quantizationOf(given: string): Quantization {
  const known = QUANTIZATIONS.find((name) => name === given);
  if (known) return known;
  throw new CommandLineError('quantization', `'${given}' is none of ${QUANTIZATIONS.join(', ')}.`);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    throw new CommandLineError('help', `${cause instanceof Error ? cause.message : String(cause)} See --help.`);
  }
}

function readKeys(file: string | undefined): readonly string[] {
  if (file === undefined) return [];
  let lines: readonly string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch (cause) {
    throw new CommandLineError('api-key-file', cause instanceof Error ? cause.message : String(cause));
  }
  const keys = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (keys.length === 0) throw new CommandLineError('api-key-file', `${file} holds no key; write one a line.`);
  return keys;
}
