export { cacheHeadDim } from './cached-attention.ts';
export type { ChatMessage, ChatOptions } from './chat-template.ts';
export { checkWeightFiles, loadWeightRows, loadWeights, loadWeightsInto } from './checkpoint.ts';
export { type Architecture, type ModelConfig, parseConfig } from './config.ts';
export {
  ChatTemplateError,
  ConfigError,
  ModelFileError,
  SafetensorsError,
  WeightsError,
} from './errors.ts';
export { type GenerationDefaults, loadGenerationDefaults } from './generation-defaults.ts';
export { type GenerationGraphOptions, generationGraph } from './generation-graph.ts';
export { loadConfig, loadModel, type Model, type SavedModel, saveConfig, saveModel } from './hugging-face.ts';
export { type InitializeOptions, initialize } from './initialize.ts';
export { type LayerGraphs, type LayerGraphsOptions, layerGraphs, layerOf, nameInFirstLayer } from './layer-graphs.ts';
export type { LoadOptions, LoadProgress } from './load-progress.ts';
export { type LogitsGraphOptions, logitsGraph } from './logits-graph.ts';
export { joinAdapters } from './lora/joined-adapters.ts';
export { LORA_TARGETS, type LoraConfig } from './lora/lora-config.ts';
export { initializeLora, loraParameters } from './lora/lora-parameters.ts';
export { type LoraStateDict, loraOf, loraStateDict } from './lora/lora-state-dict.ts';
export { mergeLora, mergeLoraInBackground } from './lora/merge-lora.ts';
export { type LoraAdapters, loadLora, saveLora, writeLoraRows } from './lora/peft-folder.ts';
export type { ModelPart } from './model-parts.ts';
export type { PackedRowsOptions } from './packed-decoder.ts';
export { type Parameter, type ParameterRole, parameters } from './parameters.ts';
export { needsConstants, QUANTIZATIONS, type Quantization } from './quantization/quantization.ts';
export { quantizeWeights } from './quantization/quantize-weights.ts';
export { type ResolveOptions, resolveModel } from './resolve-model.ts';
export { rotationTables } from './rope.ts';
export type { RopeConfig } from './rope-config.ts';
export type { SafetensorsHeader, TensorEntry } from './safetensors/header.ts';
export type { WrittenFile } from './safetensors/piece-writer.ts';
export { openSafetensors, type ReadOptions, readSafetensors, type SafetensorsFile } from './safetensors/read.ts';
export type { TensorRows } from './safetensors/tensor-rows.ts';
export { type TensorPieces, type WriteOptions, writeSafetensors } from './safetensors/write.ts';
export { prepareSafetensors, writeSafetensorsRows } from './safetensors/write-rows.ts';
export { removeOtherWeights } from './save-weights.ts';
export { scoringGraph } from './scoring-graph.ts';
export { headName, type SlicedHeadGraphs, type SlicedHeadOptions, slicedHeadGraphs } from './sliced-head-graphs.ts';
export { softmaxBlockWidth } from './softmax-blocks.ts';
export { type DecodeOptions, loadTokenizer, type Tokenizer } from './tokenizer.ts';
export { gradientName, type TrainingGraphOptions, trainingGraph } from './training-graph.ts';
export { checkWeights, type Weights } from './weights.ts';
