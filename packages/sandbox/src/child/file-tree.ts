/** A file or folder of the file system in memory. Source: emscripten `libfs.js`, `libmemfs.js`. */
interface Node {
  name_next?: Node | undefined;
  contents?: Uint8Array | Record<string, Node> | null;
  usedBytes?: number;
}

/** What is used of the file system of emscripten. */
export interface FileSystem {
  nameTable: (Node | undefined)[];
  streams: (object | null | undefined)[];
  currentPath: string;
}

interface Saved {
  readonly node: Node;
  /** All fields of the node as they were. */
  readonly fields: Node;
  /** A copy of the bytes of a file, or of the entries of a folder. */
  readonly contents: Node['contents'];
}

/** The files, folders and open streams of an interpreter at one moment, to be put back later. */
export class FileTree {
  readonly #fs: FileSystem;
  readonly #nameTable: readonly (Node | undefined)[];
  readonly #nodes: readonly Saved[];
  readonly #streams: readonly { readonly stream: object | null | undefined; readonly fields: object }[];
  readonly #currentPath: string;

  constructor(fs: FileSystem) {
    this.#fs = fs;
    this.#nameTable = [...fs.nameTable];
    this.#nodes = fs.nameTable.flatMap((first) =>
      [...chain(first)].map((node) => ({ node, fields: { ...node }, contents: copyOf(node.contents) })),
    );
    this.#streams = fs.streams.map((stream) => ({ stream, fields: { ...stream } }));
    this.#currentPath = fs.currentPath;
  }

  reset(): void {
    const fs = this.#fs;
    fs.nameTable = [...this.#nameTable];
    for (const { node, fields, contents } of this.#nodes) Object.assign(node, fields, { contents: copyOf(contents) });
    fs.streams.length = 0;
    for (const { stream, fields } of this.#streams) fs.streams.push(stream && Object.assign(stream, fields));
    fs.currentPath = this.#currentPath;
  }
}

/** The nodes of one slot of the table of names. */
function* chain(first: Node | undefined): Generator<Node> {
  for (let node = first; node !== undefined; node = node.name_next) yield node;
}

function copyOf(contents: Node['contents']): Node['contents'] {
  return contents instanceof Uint8Array ? contents.slice() : contents && { ...contents };
}
