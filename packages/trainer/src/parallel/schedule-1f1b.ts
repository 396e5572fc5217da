/** What a stage does next: forward or backward of a micro-batch, counted from 0. */
export interface PipelineAction {
  readonly kind: 'forward' | 'backward';
  readonly microBatch: number;
}

/** A stage of a pipeline, counted from 0 at the embedding, and how many micro-batches pass it. */
export interface PipelinePlace {
  readonly stage: number;
  readonly numStages: number;
  readonly numMicroBatches: number;
}

/**
 * The order of work of a stage: forward until the first micro-batch comes back from the last stage, then backward and forward in
 * turn. At most `numStages - stage` micro-batches are between forward and backward; stages are idle for
 * `(numStages - 1) / (numMicroBatches + numStages - 1)` of the time when forward and backward of all of them take equally long.
 *
 * Source: PipeDream-Flush, arXiv 2006.09503; `Schedule1F1B` of PyTorch.
 */
export function schedule1F1B({ stage, numStages, numMicroBatches }: PipelinePlace): readonly PipelineAction[] {
  const ahead = Math.min(numMicroBatches, numStages - 1 - stage);
  const forward = (microBatch: number): PipelineAction => ({ kind: 'forward', microBatch });
  const backward = (microBatch: number): PipelineAction => ({ kind: 'backward', microBatch });
  const numSteady = numMicroBatches - ahead;
  return [
    ...Array.from({ length: ahead }, (_, m) => forward(m)),
    ...Array.from({ length: numSteady }, (_, m) => [forward(ahead + m), backward(m)]).flat(),
    ...Array.from({ length: ahead }, (_, m) => backward(numSteady + m)),
  ];
}
