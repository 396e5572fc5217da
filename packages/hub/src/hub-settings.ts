import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { OnDownloadProgress } from './download-progress.ts';

/** How a repository is found by its name on the Hugging Face hub. Environment variables are those of huggingface_hub. */
export interface HubOptions {
  /** A branch, a tag or a commit. @default 'main' */
  readonly revision?: string;
  /** Called while files arrive, at most ten times a second, and once when all are there. */
  readonly onProgress?: OnDownloadProgress;
  /** Ends the download; what arrived is kept, and the next one goes on from there. */
  readonly signal?: AbortSignal;
  /** Uses what is in the cache and no network. @default `HF_HUB_OFFLINE` */
  readonly offline?: boolean;
  /** For what is private or gated. @default `HF_TOKEN`, or the file that `hf auth login` wrote */
  readonly token?: string;
  /** @default `HF_ENDPOINT`, or https://huggingface.co */
  readonly endpoint?: string;
  /** Shared with Python's huggingface_hub. @default `HF_HUB_CACHE`, `$HF_HOME/hub` or ~/.cache/huggingface/hub */
  readonly cacheFolder?: string;
  /** Attempts after one that brought nothing. @default 4 */
  readonly retries?: number;
  /** A connection that is silent for so long is given up and made anew. @default 10,000, or `HF_HUB_DOWNLOAD_TIMEOUT` in seconds */
  readonly stallTimeoutMs?: number;
}

/** Where the hub is and where its files go, with every default filled in. */
export interface HubSettings {
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly cacheFolder: string;
  readonly isOffline: boolean;
  readonly retries: number;
  readonly stallTimeoutMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Options completed from the environment. Source: huggingface_hub `constants.py`, `_auth.py`. */
export async function hubSettings(options: HubOptions, env: Environment = process.env): Promise<HubSettings> {
  const home = env['HF_HOME'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'huggingface');
  const { offline = isTrue(env['HF_HUB_OFFLINE'] ?? env['TRANSFORMERS_OFFLINE']) } = options;
  return {
    endpoint: (options.endpoint ?? env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/+$/, ''),
    // An empty one is none, whatever the environment says.
    token: (options.token ?? (await tokenOf(env, home))).trim() || undefined,
    cacheFolder: expandHome(
      options.cacheFolder ?? env['HF_HUB_CACHE'] ?? env['HUGGINGFACE_HUB_CACHE'] ?? join(home, 'hub'),
    ),
    isOffline: offline,
    retries: options.retries ?? 4,
    stallTimeoutMs: options.stallTimeoutMs ?? 1000 * Number(env['HF_HUB_DOWNLOAD_TIMEOUT'] ?? 10),
  };
}

async function tokenOf(env: Environment, home: string): Promise<string> {
  const given = env['HF_TOKEN'] ?? env['HUGGING_FACE_HUB_TOKEN'];
  // No file means that nobody logged in; one that cannot be read is no token either.
  return given ?? readFile(expandHome(env['HF_TOKEN_PATH'] ?? join(home, 'token')), 'utf8').catch(() => '');
}

const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

const expandHome = (path: string): string => path.replace(/^~(?=$|[/\\])/, homedir());
