import { mkdirSync } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Keeps what node compiles from now on for the next process, types stripped included, in a folder of this user:
 * NODE_COMPILE_CACHE, or `forge` where the user's caches are. NODE_DISABLE_COMPILE_CACHE turns it off.
 */
export function keepCompiled(): void {
  const { NODE_DISABLE_COMPILE_CACHE: isOff, NODE_V8_COVERAGE: coverage, XDG_CACHE_HOME: caches } = process.env;
  // Coverage of code that was compiled before is less exact.
  if (getCompileCacheDir() !== undefined || isOff === '1' || (coverage !== undefined && coverage !== '')) return;
  try {
    // Not where node does by default, in a folder of temporary files: code that is run must come from nobody else.
    const folder = join(
      caches === undefined || caches === '' ? join(homedir(), '.cache') : caches,
      'forge',
      'compiled',
    );
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    enableCompileCache(folder);
  } catch {
    // A user without a home: everything is compiled each time.
  }
}
