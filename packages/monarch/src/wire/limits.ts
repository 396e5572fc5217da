/** Bytes of one frame, hence of one typed array: what is larger must be cut by the caller. */
export const MAX_FRAME_BYTES = 4 * 2 ** 30 - 1;
/** Typed arrays in one message; a state dict of a large model has some thousands. */
export const MAX_BUFFERS = 1 << 20;
/** Nesting of a value; deeper is taken for a cycle. */
export const MAX_DEPTH = 500;
/** Causes of causes of an error that are kept. */
export const MAX_CAUSES = 16;
/** Buffers below this travel inside the head frame, for a system call saved; larger ones get a frame each, for a copy saved. */
export const INLINE_BYTES = 32 * 2 ** 10;
