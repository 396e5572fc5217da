/** Read with the weights by transformers; those that a model lacks are left out. */
export const COMPANION_FILES: readonly string[] = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'generation_config.json',
];

export const CONFIG_FILE = 'config.json';

export const TOKENIZER_FILE = 'tokenizer.json';

/** What PEFT writes: how a model is adapted, and by which matrices. */
export const ADAPTER_CONFIG_FILE = 'adapter_config.json';
export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors';

/** The file of an unsharded checkpoint. */
export const WEIGHTS_FILE = 'model.safetensors';

/** One of several files, as every writer of an index names them: its number and how many there are. */
export const SHARD_FILE = /^model-(\d+)-of-(\d+)\.safetensors$/;

/** The table of a sharded one: which file holds which tensor. */
export const INDEX_FILE = 'model.safetensors.index.json';
