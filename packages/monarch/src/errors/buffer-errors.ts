/** Offsets, lengths or memory that do not fit a remote buffer. No byte was moved. */
export class BufferBoundsError extends RangeError {
  override readonly name = 'BufferBoundsError';
  readonly code = 'ERR_MONARCH_BUFFER_BOUNDS';
}

/** A remote buffer that is no more: it was dropped, its owner was stopped, or its memory was transferred. */
export class BufferDroppedError extends Error {
  override readonly name = 'BufferDroppedError';
  readonly code = 'ERR_MONARCH_BUFFER_DROPPED';
  /** Of the exporter. */
  readonly process: string;

  constructor(process: string, problem: string) {
    super(`A buffer of process ${process} cannot be used: ${problem}`);
    this.process = process;
  }
}
