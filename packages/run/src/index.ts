export {
  type CompareOptions,
  compareRuns,
  type DifferentSetting,
  type Extent,
  type FirstDifference,
  type Reached,
  type RunComparison,
  type RunSummary,
  type StepByStep,
} from './compare/compare-runs.ts';
export { describeComparison } from './compare/describe-comparison.ts';
export { type RecordedRun, readRun, type StepRecord } from './compare/read-run.ts';
export { duration } from './display/duration.ts';
export { Progress, type ProgressOptions } from './display/progress.ts';
export { type ProgressState, progressBlock, progressLine, type Span } from './display/progress-lines.ts';
export { sparkline } from './display/sparkline.ts';
export type { Terminal } from './display/terminal-block.ts';
export { type Environments, startEnvironments } from './environments/environments.ts';
export { checkOwnEnvironments, checkTaskEnvironments } from './environments/own-exports.ts';
export { type Player, type PlayOptions, play } from './episodes/play.ts';
export type { Answer, Score, Unscored } from './evaluation/answer.ts';
export { answerOf } from './evaluation/answer-of.ts';
export { type EvaluateOptions, type Evaluation, type Examined, evaluate } from './evaluation/evaluate.ts';
export { given } from './given.ts';
export { lookInto, type OwnModule } from './own-module.ts';
export type { Given, Program, ResumePoint, RunsSomewhere } from './program/program.ts';
export { runProgram } from './program/run-program.ts';
export { type Curve, type CurvesOptions, curvesSvg } from './record/curves.ts';
export { type RunFile, type RunSession, recordSession } from './record/run-file.ts';
export { type LogSize, RunLog, type RunLogOptions, type StepMetrics } from './record/run-log.ts';
export { differencesOf, type Surroundings, surroundingsOf } from './record/surroundings.ts';
export { checkpointsIn } from './resume/checkpoint-folders.ts';
export { type WriteCheckpointOptions, writeCheckpoint } from './resume/write-checkpoint.ts';
export { checkpointSettings } from './sections/checkpoint.ts';
export { datasetSettings } from './sections/dataset.ts';
export { type EnvironmentConfig, environmentSettings } from './sections/environment.ts';
export { loraOf, modelSettings } from './sections/model.ts';
export { count, decay, positive, share } from './sections/numbers.ts';
export { runSettings } from './sections/run.ts';
export { trainerSettings, trainingOptionsOf } from './sections/trainer.ts';
export { type Command, parseCommandLine } from './settings/command-line.ts';
export { type DescribeSettingsOptions, describeSettings, settingsTables } from './settings/describe-settings.ts';
export { type HelpOptions, helpText } from './settings/help.ts';
export { loadSettings, type SettingsSource } from './settings/load-settings.ts';
export { type JsonSchema, jsonSchemaOf, type SettingKey, settingKeys } from './settings/setting-keys.ts';
export { SettingsError } from './settings/settings-error.ts';
export { type DemonstratedSequence, demonstratedSequence } from './source/demonstrated-sequence.ts';
export { type TinyModelOptions, writeTinyModel } from './source/embedded/tiny-model.ts';
export { type WordProblemOptions, type WordProblems, wordProblems, words } from './source/embedded/word-problems.ts';
export { endTokenId, type TokenizerFiles, vocabSize, wordTokenizer } from './source/embedded/word-tokenizer.ts';
export { conversation, demonstrationOf } from './source/prompt.ts';
export { type PrepareSourceOptions, prepareSource, type Source, type SourceSettings } from './source/source.ts';
export { SIGNAL_OF, Watchdog, type WatchdogLimits } from './watchdog/watchdog.ts';
export {
  type PushedWeights,
  type WeightReceivers,
  type WeightSender,
  WeightSync,
  type WeightSyncOptions,
} from './weight-sync.ts';
