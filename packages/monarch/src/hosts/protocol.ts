import { PROTOCOL_VERSION } from '../wire/handshake.ts';

/**
 * Version of everything that two machines say to each other: of what is in this file, and of the frames of processes. A
 * daemon and a program of different versions refuse each other.
 */
export const PROTOCOL: string = `2.${PROTOCOL_VERSION}`;

/** Paths of a daemon. */
export const ROUTES = {
  /** One connection for as long as a program has the machine. */
  attach: (program: string) => `/attach/${program}`,
  /** Answers pings, for processes of other machines, for as long as a program has this one. */
  watch: (program: string) => `/watch/${program}`,
} as const;

/** Status of a refused watch: the program has nothing here any more. */
export const GONE = 410;

/** Close code of both when everything that the program has here has ended. */
export const GONE_CODE = 4410;

/** What a program says first. */
export interface AttachRequest {
  readonly protocol: string;
  readonly node: string;
  /** Id of the machine in the program: `h1`. */
  readonly machine: string;
  /** For the daemon's log. */
  readonly name: string;
  /** How long the program waits for a silent machine; the machine waits longer. */
  readonly partitionTimeoutMs: number;
  /** After a cut: only if the program's agent still runs. */
  readonly again: boolean;
}

/** What the daemon answers. */
export type AttachAnswer = AttachAccepted | AttachRefused;

/** The agent process runs and listens. */
export interface AttachAccepted {
  readonly kind: 'accepted';
  readonly protocol: string;
  readonly node: string;
  readonly platform: string;
  readonly hostname: string;
  /** Folders from which the machine loads actor modules. */
  readonly allow: readonly string[];
}

/** The machine does not serve this program, or no longer. */
export interface AttachRefused {
  readonly kind: 'refused';
  readonly protocol: string;
  readonly node: string;
  readonly reason: string;
  /** It did, and its processes have ended. */
  readonly isGone: boolean;
}

/** Said by the program last: everything it has here may end. */
export const DETACH = 'detach';

/** Reads the first message of a program; `undefined` when it is none. */
export function readAttachRequest(text: string): AttachRequest | undefined {
  const value = readObject(text);
  const isSound =
    typeof value?.['protocol'] === 'string' &&
    typeof value['node'] === 'string' &&
    /^h\d{1,6}$/.test(String(value['machine'])) &&
    // It stands in a line of the log.
    /^[\w ./@-]{1,80}$/.test(String(value['name'])) &&
    Number.isFinite(value['partitionTimeoutMs']) &&
    typeof value['again'] === 'boolean';
  // Every field was checked.
  return isSound ? (value as unknown as AttachRequest) : undefined;
}

/** Reads the answer of a daemon; `undefined` when it is none. */
export function readAttachAnswer(text: string): AttachAnswer | undefined {
  const value = readObject(text);
  if (typeof value?.['protocol'] !== 'string' || typeof value['node'] !== 'string') return undefined;
  const isAccepted =
    value['kind'] === 'accepted' &&
    typeof value['platform'] === 'string' &&
    typeof value['hostname'] === 'string' &&
    Array.isArray(value['allow']) &&
    value['allow'].every((folder) => typeof folder === 'string');
  const isRefused =
    value['kind'] === 'refused' && typeof value['reason'] === 'string' && typeof value['isGone'] === 'boolean';
  // Every field was checked.
  return isAccepted || isRefused ? (value as unknown as AttachAnswer) : undefined;
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
