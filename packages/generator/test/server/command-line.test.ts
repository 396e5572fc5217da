import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HELP, readCommand } from '../../src/server/command-line.ts';

describe('the command line', () => {
  test('serves a folder under its name on loopback', () => {
    expect(readCommand(['serve', '--model', 'models/Qwen3-0.6B/', '--port', '0', '--threads', '2'])).toEqual({
      kind: 'serve',
      model: 'models/Qwen3-0.6B/',
      engine: { threads: 2, seed: 0, kvCacheBytes: 4 * 2 ** 30 },
      serve: { host: '127.0.0.1', port: 0, apiKeys: [], maxWaiting: 1024 },
      graceMs: 30_000,
    });
  });

  test('listens beyond loopback with keys', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'forge-keys-'));
    const file = join(folder.path, 'keys');
    writeFileSync(file, 'one\n\n  two \n');
    const command = readCommand(['serve', '--model', 'm', '--host', '0.0.0.0', '--api-key-file', file]);
    expect(command).toMatchObject({ serve: { host: '0.0.0.0', apiKeys: ['one', 'two'] } });
    writeFileSync(file, '\n');
    expect(() => readCommand(['serve', '--model', 'm', '--api-key-file', file])).toThrow('holds no key');
  });

  test('merges adapters', () => {
    expect(readCommand(['chat', '--model', 'm', '--lora', 'adapters'])).toMatchObject({ engine: { lora: 'adapters' } });
  });

  test('chats within a pattern or a JSON schema', () => {
    expect(readCommand(['chat', '--model', 'm', '--regex', 'yes|no'])).toMatchObject({
      structuredOutputs: { regex: 'yes|no' },
    });
    using folder = mkdtempDisposableSync(join(tmpdir(), 'forge-schema-'));
    const file = join(folder.path, 'schema.json');
    writeFileSync(file, '{"type": "integer"}');
    const command = readCommand(['chat', '--model', 'm', '--json-schema', file]);
    expect(command).toMatchObject({ structuredOutputs: { json: { type: 'integer' } } });
    writeFileSync(file, '{"type": ');
    expect(() => readCommand(['chat', '--model', 'm', '--json-schema', file])).toThrow('JSON');
  });

  test('helps', () => {
    expect(readCommand([])).toEqual({ kind: 'help' });
    expect(readCommand(['chat', '--help'])).toEqual({ kind: 'help' });
    for (const option of ['--model', '--port', '--api-key-file', '--temperature']) expect(HELP).toContain(option);
  });

  test.each([
    ['command', ['sing', '--model', 'm']],
    ['command', ['serve', 'chat', '--model', 'm']],
    ['model', ['serve']],
    ['threads', ['serve', '--model', 'm', '--threads', '0']],
    ['quantization', ['chat', '--model', 'm', '--quantization', 'int2']],
    ['port', ['serve', '--model', 'm', '--port', 'http']],
    ['temperature', ['chat', '--model', 'm', '--temperature', '']],
    ['host', ['serve', '--model', 'm', '--host', '0.0.0.0']],
    ['api-key-file', ['serve', '--model', 'm', '--api-key-file', '/nowhere/keys']],
    ['regex', ['chat', '--model', 'm', '--regex', 'a', '--json-schema', 'b.json']],
    ['json-schema', ['chat', '--model', 'm', '--json-schema', '/nowhere/schema.json']],
    ['help', ['serve', '--models', 'm']],
  ])('refuses --%s of %j', (option, argv) => {
    expect(() => readCommand(argv)).toThrow(expect.objectContaining({ code: 'ERR_GENERATOR_COMMAND_LINE', option }));
  });
});
