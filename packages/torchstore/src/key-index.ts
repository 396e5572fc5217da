interface Node<Value> {
  readonly children: Map<string, Node<Value>>;
  entry: { readonly key: string; value: Value } | undefined;
}

/** Whether a prefix covers a key: whole components only, and with a dot at its end only what lies below. */
export function covers(prefix: string, key: string): boolean {
  return prefix === '' || key === prefix || key.startsWith(prefix.endsWith('.') ? prefix : `${prefix}.`);
}

const newNode = <Value>(): Node<Value> => ({ children: new Map(), entry: undefined });

/**
 * A map from dotted keys to values that lists the keys below a prefix without a scan. A prefix ends at a dot: `layers.1`
 * covers `layers.1` and `layers.1.weight`, but not `layers.10`; with a dot at its end it covers only what lies below.
 */
export class KeyIndex<Value> {
  readonly #root = newNode<Value>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#find(key.split('.'))?.entry?.value;
  }

  set(key: string, value: Value): void {
    let node = this.#root;
    for (const component of key.split('.')) {
      let child = node.children.get(component);
      if (child === undefined) {
        child = newNode();
        node.children.set(component, child);
      }
      node = child;
    }
    if (node.entry === undefined) this.#size += 1;
    node.entry = { key, value };
  }

  /** Removes a key, and the branch that led only to it. */
  delete(key: string): boolean {
    const path: { node: Node<Value>; component: string }[] = [];
    let node = this.#root;
    for (const component of key.split('.')) {
      const child = node.children.get(component);
      if (child === undefined) return false;
      path.push({ node, component });
      node = child;
    }
    if (node.entry === undefined) return false;
    node.entry = undefined;
    this.#size -= 1;
    for (const { node: parent, component } of path.reverse()) {
      const child = parent.children.get(component);
      if (child === undefined || child.entry !== undefined || child.children.size > 0) break;
      parent.children.delete(component);
    }
    return true;
  }

  /** Keys that a prefix covers, in the order of their first insertion within each branch; all of them without one. */
  *keys(prefix?: string): Generator<string> {
    for (const [key] of this.entries(prefix)) yield key;
  }

  /** Keys that a prefix covers with their values. */
  *entries(prefix?: string): Generator<readonly [string, Value]> {
    if (prefix === undefined || prefix === '') {
      yield* walk(this.#root);
      return;
    }
    const isBelow = prefix.endsWith('.');
    const node = this.#find((isBelow ? prefix.slice(0, -1) : prefix).split('.'));
    if (node === undefined) return;
    for (const entry of walk(node)) if (!isBelow || entry[0].length > prefix.length) yield entry;
  }

  /** The first components of all keys. */
  roots(): Iterable<string> {
    return this.#root.children.keys();
  }

  #find(components: readonly string[]): Node<Value> | undefined {
    let node: Node<Value> | undefined = this.#root;
    for (const component of components) {
      node = node.children.get(component);
      if (node === undefined) return undefined;
    }
    return node;
  }
}

function* walk<Value>(node: Node<Value>): Generator<readonly [string, Value]> {
  if (node.entry !== undefined) yield [node.entry.key, node.entry.value];
  for (const child of node.children.values()) yield* walk(child);
}
