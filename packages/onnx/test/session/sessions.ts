import { type Tensor, tensor } from '@forge/tensor';
import { afterEach, beforeEach } from 'vitest';
import { add, type Graph, graph, input, openSession, type Runtime, type Session, scalar } from '../../src/index.ts';

/** The ways to onnxruntime; what a session does must not depend on them. */
export const runtimes: readonly Runtime[] = ['c-api', 'binding'];

/** x + 1, of any number of rows of two. */
export const increment = (): Graph => graph({ y: add(input('x', 'float32', ['rows', 2]), scalar(1)) });

/** A session of {@link increment} for each test. */
export function useSession(runtime: Runtime): () => Session {
  let session: Session;
  beforeEach(async () => {
    session = await openSession(increment(), { runtime });
  });
  afterEach(async () => {
    await session[Symbol.asyncDispose]();
  });
  return () => session;
}

/** A tensor of these numbers. */
export const floats = (shape: readonly number[], ...values: number[]): Tensor<'float32'> =>
  tensor('float32', shape, Float32Array.from(values));
