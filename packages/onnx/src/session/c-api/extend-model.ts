import type { Pointer } from './functions.ts';
import type { Initializers } from './initializers.ts';
import type { Library } from './library.ts';
import type { Owned } from './owned.ts';
import { OwnedStack } from './owned-stack.ts';

/** An `OrtModel` that makes inputs of the model in a session constants, where they lie. */
export function modelExtension(library: Library, session: Pointer, initializers: Initializers): Owned {
  const { api, editor } = library;
  using opened = new OwnedStack();
  const extension = opened.use(
    library.own('CreateModel', (out) => editor.createModel(null, null, 0, out), api.releaseModel),
  );
  using graph = library.own('CreateGraph', (out) => editor.createGraph(out), api.releaseGraph);
  initializers.addTo(graph.pointer);
  setInputs(library, { session, graph: graph.pointer, initializers });
  graph.handOver((pointer) => library.check('AddGraphToModel', editor.addGraphToModel(extension.pointer, pointer)));
  opened.move();
  return extension;
}

/** Those of the session that are no initializers. */
function setInputs(
  library: Library,
  {
    session,
    graph,
    initializers,
  }: { readonly session: Pointer; readonly graph: Pointer; readonly initializers: Initializers },
): void {
  const { api, editor, allocator } = library;
  using opened = new OwnedStack();
  const infos: Owned[] = [];
  const count = Number(library.create('SessionGetInputCount', (out) => api.sessionGetInputCount(session, out)));
  for (let index = 0; index < count; index++) {
    const name = library.takeString('SessionGetInputName', (out) =>
      api.sessionGetInputName(session, index, allocator, out),
    );
    if (initializers.names.has(name)) continue;
    using type = library.own(
      'SessionGetInputTypeInfo',
      (out) => api.sessionGetInputTypeInfo(session, index, out),
      api.releaseTypeInfo,
    );
    infos.push(
      opened.use(
        library.own('CreateValueInfo', (out) => editor.createValueInfo(name, type.pointer, out), api.releaseValueInfo),
      ),
    );
  }
  const pointers = BigUint64Array.from(infos, ({ pointer }) => pointer);
  library.check('SetGraphInputs', editor.setGraphInputs(graph, pointers, pointers.length));
  for (const info of infos) info.handOver(() => {});
}
