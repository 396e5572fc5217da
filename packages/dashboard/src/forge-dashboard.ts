#!/usr/bin/env node
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { DashboardError } from './errors.ts';
import { serveDashboard } from './serve-dashboard.ts';

const HELP = `Shows training runs on a web page: live plots, runs side by side, completions.

  forge-dashboard [--port 6006] [--host 127.0.0.1] [folder…]

A folder is that of a run (with metrics.jsonl), or holds such folders. Default: runs
`;

/** The folder itself when it is that of a run, else those within it that are. */
function runsIn(folder: string): readonly string[] {
  if (existsSync(path.join(folder, 'metrics.jsonl'))) return [folder];
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new DashboardError(`${folder} is no folder`);
  const within = readdirSync(folder)
    .map((name) => path.join(folder, name))
    .filter((each) => existsSync(path.join(each, 'metrics.jsonl')));
  if (within.length === 0) throw new DashboardError(`${folder} holds no run: no metrics.jsonl in it or in its folders`);
  return within;
}

try {
  const options = {
    port: { type: 'string', default: '6006' },
    host: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) process.stdout.write(HELP);
  else {
    const folders = (positionals.length > 0 ? positionals : ['runs']).flatMap(runsIn);
    const { url } = await serveDashboard(folders, {
      port: Number(values.port),
      ...(values.host && { host: values.host }),
    });
    process.stdout.write(`${folders.length} ${folders.length === 1 ? 'run' : 'runs'} at ${url}\n`);
  }
} catch (error) {
  process.stderr.write(`forge-dashboard: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
