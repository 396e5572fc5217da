export { type FileRange, loadNative, type MappedFile, type Native, pagesOf } from './native.ts';
export { SegmentPool, type SegmentPoolOptions } from './segment-pool.ts';
export { SegmentReader, type SegmentReaderOptions } from './segment-reader.ts';
export { type SegmentReference, segmentReference } from './segment-reference.ts';
