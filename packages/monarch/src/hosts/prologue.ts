import { isProcessId } from '../process/process-id.ts';
import { nodeCrypto } from '../program/node-crypto.ts';
import type { Credentials } from './credentials.ts';
import { PROTOCOL } from './protocol.ts';

/*
 * A connection to a process begins in the clear. The daemon reads one line of it, and the process reads all the rest:
 *
 *   dialler                     daemon              agent, parents         process
 *     ── prologue ─────────────▶ proven ── handed on ──▶ ── handed on ──▶
 *     ◀──────────────────────────────────────────────────────── ready ──
 *     ◀════════ TLS with the key of the program, then frames ═══════════▶
 *
 * Nothing follows the prologue before the answer, so that no byte is read by anybody but the one it is meant for. The name
 * of a program is a secret that its processes and the daemon share; what proves it here is of no use for anything else.
 */

/** No TLS and no HTTP begins with it. */
export const PROLOGUE_START = 'f';
/** Longest prologue. */
export const MAX_PROLOGUE_BYTES = 320;
const PROLOGUE = /^forge\/([\d.]{1,16}) ([\w-]{43}) ([\w.]{1,128}) ([\w-]{22}) ([\w-]{43})\n$/;

/** The one byte that answers a prologue: the process is there, or it has ended. */
export const ANSWER = { ready: 0x72, gone: 0x67 } as const;

/** What a prologue says. */
export interface Prologue {
  /** Stands for the program. */
  readonly tag: string;
  /** Id of the process. */
  readonly to: string;
  readonly nonce: string;
  readonly proof: string;
}

/** The prologue of a connection to a process of a program. */
export function writePrologue(program: string, to: string): string {
  const nonce = nodeCrypto().randomBytes(16).toString('base64url');
  return `forge/${PROTOCOL} ${tagOf(program)} ${to} ${nonce} ${proofOf(program, to, nonce)}\n`;
}

/** Reads a prologue; `undefined` when it is none, or of another version. */
export function readPrologue(text: string): Prologue | undefined {
  const [, version = '', tag = '', to = '', nonce = '', proof = ''] = PROLOGUE.exec(text) ?? [];
  return version === PROTOCOL && isProcessId(to) ? { tag, to, nonce, proof } : undefined;
}

/** Whether who wrote a prologue knows the program. */
export function isProven({ to, nonce, proof }: Prologue, program: string): boolean {
  return nodeCrypto().timingSafeEqual(Buffer.from(proof), Buffer.from(proofOf(program, to, nonce)));
}

/** What stands for a program in prologues. */
export function tagOf(program: string): string {
  return derived(program, 'tag').toString('base64url');
}

/** What both ends of a connection between processes of a program prove themselves with. */
export function connectionKey(program: string): Extract<Credentials, { kind: 'token' }> {
  return { kind: 'token', key: new Uint8Array(derived(program, 'connections')) };
}

function proofOf(program: string, to: string, nonce: string): string {
  return derived(program, `prologue ${PROTOCOL} ${to} ${nonce}`).toString('base64url');
}

function derived(program: string, what: string): Buffer {
  return nodeCrypto().createHmac('sha256', program).update(`forge-monarch ${what}`).digest();
}
