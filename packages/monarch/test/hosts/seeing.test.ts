import { expect, onTestFinished, test } from 'vitest';
import { attachToHosts, type ProgramTree, serveAdmin } from '../../src/index.ts';
import { allOf } from '../fixtures/all-of.ts';
import { Printer } from '../fixtures/printer.ts';
import { scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';

test('processes of attached machines are seen, and their lines read, as those of this one', async () => {
  using scratch = scratchFolder();
  const path = tokenFile(scratch.folder, 'a token of the tests, 32 letters');
  const daemons = await Promise.all([startHost(['--token-file', path]), startHost(['--token-file', path])]);
  onTestFinished(async () => void (await Promise.all(daemons.map(async (daemon) => await daemon.stop()))));
  await using hosts = await attachToHosts(
    daemons.map(({ address }) => address),
    { tokenFile: path },
  );
  await using admin = await serveAdmin();
  const procs = await hosts.spawnProcs({ name: 'far', supervise: () => true, logs: { print: false } });
  const mesh = await procs.spawn('printers', Printer);
  const reader = procs.logs();
  await mesh.slice({ hosts: 1 }).printInside.callOne('farther', 'hello\n');
  await mesh.slice({ hosts: 0 }).print.callOne('stderr', 'WARN hello\n');
  await procs.flushLogs();
  const tree = (await (await fetch(new URL('v1/tree', admin.url))).json()) as ProgramTree;
  // Numbered in the order in which this process has attached them.
  const [own, , second] = tree.hosts.map(({ id }) => id);
  expect([own, second]).toEqual(['0', expect.stringMatching(/^h\d+$/)]);
  expect(tree.hosts).toHaveLength(3);
  expect(tree.hosts[2]?.processes).toMatchObject([
    { id: second, name: `agent of ${daemons[1]?.address}`, state: 'running', usage: { pid: expect.any(Number) } },
    { name: 'far/1', state: 'running', actors: [{ mesh: 'printers', rank: 1 }], processes: [{ name: 'farther/0' }] },
  ]);
  await mesh
    .slice({ hosts: 0 })
    .exitAfter.callOne(1_000)
    .catch(() => {});
  await procs.stop();
  const lines = await allOf(reader);
  const of = (wanted: string) => lines.filter(({ name, rank }) => `${name}/${rank}` === wanted).map(({ text }) => text);
  expect(of('far/1/farther/0')).toEqual(['hello']);
  expect(of('far/0').filter((text) => text.startsWith('line '))).toHaveLength(1_000);
  expect(of('far/0')).toContain('WARN hello');
  expect(lines.find(({ text }) => text === 'WARN hello')).toMatchObject({ stream: 'stderr', level: 'warn' });
});
