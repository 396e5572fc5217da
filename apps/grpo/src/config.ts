import { z } from 'zod';

const count = z.int().min(1);
const share = z.number().min(0).max(1);
const decay = z.number().min(0).lt(1);
const positive = z.number().positive();

/** Everything a run can be told, with the defaults of the embedded task. Unknown keys are refused. */
export const configSchema = z.strictObject({
  run: z
    .strictObject({
      /** The folder of the run below `folder`; a time stamp when left out. */
      name: z
        .string()
        .regex(/^[\w.-]+$/, 'must be made of letters, digits, ".", "_" and "-"')
        .optional(),
      folder: z.string().min(1).default('runs'),
      seed: z.int().min(0).default(1),
      /**
       * `latest` goes on from the newest checkpoint of the run, of the newest run when it is not named; where there is
       * none it begins.
       */
      resume: z.enum(['none', 'latest']).default('none'),
    })
    .prefault({}),
  checkpoint: z
    .strictObject({
      /** Steps between checkpoints of the whole run; 0 writes none. */
      every: z.int().min(0).default(25),
      /** The newest that are kept. */
      keep: count.default(2),
    })
    .prefault({}),
  model: z
    .strictObject({
      /** A Hugging Face folder, or the name of a model on its hub. When left out, a small model is made from `embedded`. */
      path: z.string().min(1).optional(),
      embedded: z
        .strictObject({
          hiddenSize: count.default(128),
          numLayers: count.default(3),
          numAttentionHeads: count.default(4),
          numKeyValueHeads: count.default(2),
          headDim: count.default(32),
          intermediateSize: count.default(256),
        })
        .prefault({}),
    })
    .prefault({}),
  dataset: z
    .strictObject({
      /** A file of GSM8K records. When left out, word problems are made from `embedded`. */
      path: z.string().min(1).optional(),
      /** Problems kept for evaluation; taken from the end of the file unless `heldOutPath` names another. */
      heldOut: count.default(256),
      heldOutPath: z.string().min(1).optional(),
      embedded: z
        .strictObject({
          problems: count.default(20_000),
          /** Digits of the numbers in a question. */
          digits: z.int().min(1).max(6).default(2),
        })
        .prefault({}),
    })
    .prefault({}),
  warmup: z
    .strictObject({
      /** Supervised steps at most; 0 starts with GRPO at once. */
      maxSteps: z.int().min(0).default(600),
      batchSize: count.default(64),
      learningRate: positive.default(1e-3),
      /** Steps between evaluations; every step, and smaller ones, once a quarter of `stopAccuracy` is reached. */
      evaluateEvery: count.default(10),
      /** Held-out accuracy at which the warm-up ends. */
      stopAccuracy: share.default(0.5),
    })
    .prefault({}),
  grpo: z
    .strictObject({
      steps: count.default(300),
      /** Held-out accuracy at which the run ends early. */
      stopAccuracy: share.default(0.95),
      groupsPerStep: count.default(32),
      /** Completions of one prompt. */
      groupSize: z.int().min(2).default(8),
      /**
       * Weight versions that samples may lag behind. 0 samples and trains in turn, and then a run repeats to the last
       * bit what another of its seed did, as long as the generator has one thread.
       */
      maxPolicyAge: z.int().min(0).default(1),
      learningRate: positive.default(2e-4),
      warmupSteps: z.int().min(0).default(5),
      /** How the learning rate goes from there, down to 0 at `steps` unless it is constant. */
      schedule: z.enum(['constant', 'linear', 'cosine']).default('cosine'),
      epsilonLow: positive.default(0.2),
      epsilonHigh: positive.default(0.28),
      /** Weight of the KL divergence from the reference model. 0 runs without one. */
      beta: z.number().min(0).default(0.001),
      /** Where it goes: a term of the loss, or a cost that is taken from the reward of each token. */
      klIn: z.enum(['loss', 'reward']).default('loss'),
      scaleRewards: z.enum(['group', 'batch', 'none']).default('group'),
    })
    .prefault({}),
  generator: z
    .strictObject({
      replicas: count.default(1),
      threads: count.default(1),
      maxTokens: count.default(16),
      /** Of the samples, and of the log-probabilities that are trained on. */
      temperature: positive.default(0.3),
      maxSequences: count.default(256),
    })
    .prefault({}),
  trainer: z
    .strictObject({
      threads: count.default(2),
      /** Tokens of a packed row; the longest sequence of a batch when left out. */
      tokensPerRow: count.optional(),
      maxTokensPerMicroBatch: count.default(2048),
      /** Decay of AdamW's two moments. */
      betas: z.tuple([decay, decay]).default([0.9, 0.99]),
      maxGradNorm: positive.default(1),
      weightDecay: z.number().min(0).default(0),
    })
    .prefault({}),
  reward: z
    .strictObject({
      /** Their mean is the reward. */
      functions: z
        .array(z.enum(['math', 'thinking']))
        .min(1)
        .default(['math', 'thinking']),
      replicas: count.default(1),
      /** Deals the rewards of a group out at random: a control that must not learn. */
      shuffle: z.boolean().default(false),
    })
    .prefault({}),
  evaluation: z
    .strictObject({
      /** Steps between evaluations on the held-out problems. */
      every: count.default(5),
      problems: count.default(256),
    })
    .prefault({}),
});

/** A complete, checked configuration. */
export type Config = z.infer<typeof configSchema>;
