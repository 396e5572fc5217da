import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hubSettings } from '../src/hub-settings.ts';
import { temporaryFolder } from './temporary-folder.ts';

test('without options and environment they are the defaults of huggingface_hub', async () => {
  expect(await hubSettings({}, { HF_TOKEN_PATH: '/absent' })).toEqual({
    endpoint: 'https://huggingface.co',
    token: undefined,
    cacheFolder: join(homedir(), '.cache', 'huggingface', 'hub'),
    isOffline: false,
    retries: 4,
    stallTimeoutMs: 10_000,
  });
});

test.each([
  [{ HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c' }, '/a'],
  [{ HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c' }, '/b'],
  [{ HF_HOME: '/c', XDG_CACHE_HOME: '/d' }, '/c/hub'],
  [{ XDG_CACHE_HOME: '/d' }, '/d/huggingface/hub'],
  [{ HF_HUB_CACHE: '~/models' }, join(homedir(), 'models')],
])('%j puts the cache at %s', async (env, cacheFolder) => {
  expect((await hubSettings({}, env)).cacheFolder).toBe(cacheFolder);
});

test.each([
  ['1', true],
  ['True', true],
  ['on', true],
  ['0', false],
  ['', false],
])('HF_HUB_OFFLINE=%s means %s', async (value, isOffline) => {
  expect((await hubSettings({}, { HF_HUB_OFFLINE: value })).isOffline).toBe(isOffline);
});

test('a token comes from the option, the environment, or the file of a login, and an empty one is none', async () => {
  const HF_HOME = await temporaryFolder();
  await writeFile(join(HF_HOME, 'token'), 'hf_file\n');
  expect((await hubSettings({}, { HF_HOME })).token).toBe('hf_file');
  expect((await hubSettings({}, { HF_HOME, HF_TOKEN: 'hf_environment' })).token).toBe('hf_environment');
  expect((await hubSettings({ token: 'hf_option' }, { HF_HOME, HF_TOKEN: 'hf_environment' })).token).toBe('hf_option');
  expect((await hubSettings({ token: '' }, { HF_HOME })).token).toBeUndefined();
});

test('a slash at the end of an endpoint is no part of it', async () => {
  expect((await hubSettings({}, { HF_ENDPOINT: 'https://mirror.example/' })).endpoint).toBe('https://mirror.example');
});
