/** Bytes of one frame, as any connection carries it. */
export const MAX_FRAME_BYTES: number = 2 ** 20;
/** Bytes of one typed array; what is larger must be cut by the caller. */
export const MAX_BUFFER_BYTES: number = 4 * 2 ** 30 - 1;
/** Bytes of one message, all of its typed arrays included. */
export const MAX_MESSAGE_BYTES: number = 16 * 2 ** 30;
/** Bytes of the packed part of a message, which is all of it but the typed arrays. */
export const MAX_PACKED_BYTES: number = 2 ** 30;
/** Typed arrays in one message; a state dict of a large model has some thousands. */
export const MAX_BUFFERS: number = 1 << 20;
/** Nesting of a value; deeper is taken for a cycle. */
export const MAX_DEPTH = 500;
/** Causes of causes of an error that are kept. */
export const MAX_CAUSES = 16;
/** Packets above this travel in chunks, in turn with others; smaller ones of one turn share a frame. */
export const SMALL_BYTES: number = 64 * 2 ** 10;
/** Bytes of one chunk. */
export const CHUNK_BYTES: number = 256 * 2 ** 10;
/** Large packets of one session that travel at the same time. */
export const MAX_TRANSFERS = 64;
/** Unacknowledged bytes of a session above which nothing more is sent. */
export const WINDOW_BYTES: number = 8 * 2 ** 20;
/** Bytes that wait in a connection: a small packet waits no longer than these take to leave. */
export const BUFFERED_BYTES: number = 512 * 2 ** 10;
