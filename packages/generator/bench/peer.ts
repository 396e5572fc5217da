import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Tokens a second. */
export interface Rates {
  readonly prefill: number;
  readonly decode: number;
}

/** Who generates: so many sequences of so many random tokens, continued by so many. */
export interface Contender extends AsyncDisposable {
  readonly name: string;
  measure(numSequences: number, numPromptTokens: number, numNewTokens: number): Promise<Rates>;
}

/**
 * A peer in a Python process of its own, started with the interpreter that PEER_PYTHON names; `undefined` where there is
 * none, or the peer is not installed.
 */
export async function openPeer(
  kind: 'llama.cpp' | 'transformers' | 'onnxruntime-genai',
  form: string,
): Promise<Contender | undefined> {
  const interpreter = process.env['PEER_PYTHON'];
  if (interpreter === undefined) return undefined;
  const script = fileURLToPath(new URL('generate_peers.py', import.meta.url));
  const child = spawn(interpreter, [script, kind, form], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown> | undefined> => {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  const hello = await answer();
  if (hello === undefined) {
    console.error(`${kind} ${form} is left out: ${interpreter} could not run it.`);
    return undefined;
  }
  return {
    name: String(hello['peer']),
    async measure(...counts) {
      child.stdin.write(`${counts.join(' ')}\n`);
      const rates = await answer();
      if (rates === undefined) throw new Error(`${kind} ${form} has ended.`);
      return { prefill: Number(rates['prefill']), decode: Number(rates['decode']) };
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
