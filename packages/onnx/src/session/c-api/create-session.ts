import type { LoadedModel } from '../loaded-model.ts';
import { modelExtension } from './extend-model.ts';
import type { Pointer } from './functions.ts';
import type { Initializers } from './initializers.ts';
import type { Library } from './library.ts';
import type { Owned } from './owned.ts';

/** What a session is created of. */
export interface SessionParts {
  readonly model: LoadedModel;
  /** Those beside the model. */
  readonly initializers: Initializers;
  /** Native session options. */
  readonly options: Owned;
}

/** Creates a native session, off the event loop. The caller releases it. @throws {OnnxRuntimeError} */
export function createSession(library: Library, parts: SessionParts): Promise<Pointer> {
  return parts.model.beside.length === 0 ? plainSession(library, parts) : extendedSession(library, parts);
}

async function plainSession(library: Library, { model, options }: SessionParts): Promise<Pointer> {
  const bytes = model.encode('external');
  const created = new BigUint64Array(1);
  await opening(library, [bytes, created], (done) => {
    const [start, out] = [library.addressOf(bytes), library.addressOf(created)];
    const { createSessionFromArray } = library.api;
    createSessionFromArray.async(library.environment, start, bytes.byteLength, options.pointer, out, done);
  });
  return created[0]!;
}

/**
 * A session of a model whose initializers are inputs, until it is extended by their memory: onnxruntime would copy
 * initializers that it is given in any other way.
 */
async function extendedSession(library: Library, { model, initializers, options }: SessionParts): Promise<Pointer> {
  const { editor, offThread } = library;
  const bytes = model.encode('inputs');
  const created = new BigUint64Array(1);
  await opening(library, [bytes, created], (done) => {
    const [start, out] = [library.addressOf(bytes), library.addressOf(created)];
    const { createModelEditorSessionFromArray: create } = editor;
    create.async(library.environment, start, bytes.byteLength, options.pointer, out, done);
  });
  const session = created[0]!;
  try {
    using extension = modelExtension(library, session, initializers);
    await opening(library, [initializers], (done) =>
      editor.applyModelToModelEditorSession.async(session, extension.pointer, done),
    );
    await opening(library, [initializers], (done) =>
      editor.finalizeModelEditorSession.async(session, options.pointer, null, done),
    );
    return session;
  } catch (error) {
    await offThread.run('Closing the model', [initializers], (done) => library.api.releaseSession.async(session, done));
    throw error;
  }
}

/** Waits for a step of it. @throws {OnnxRuntimeError} */
async function opening(
  library: Library,
  uses: readonly unknown[],
  call: (done: (error: Error | null, status: Pointer | null) => void) => void,
): Promise<void> {
  library.check('Opening the model', await library.offThread.run('Opening the model', uses, call));
}
