import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { bytesOf, type Tensor } from '@forge/tensor';
import type { Graph } from '../graph.ts';
import { bindInitializers } from '../session/bind-initializers.ts';
import { type ExternalData, encodeModelBeside } from './encode-model.ts';

export interface WriteModelOptions {
  /** Tensors for inputs of the graph, by name, which then are constants of the model. @default none */
  readonly initializers?: Readonly<Record<string, Tensor>>;
  /** Constants of at least so many bytes go into a second file. @default 1024 */
  readonly minExternalBytes?: number;
}

/** Source: onnx.proto, `TensorProto.external_data`: offsets at pages let a reader map the file. */
const PAGE_BYTES = 4096;

/**
 * Writes a graph as an ONNX file, of whatever size: large constants go into a file beside it, named like it with `.data` at
 * its end, which must stay beside it. What is there under either name is replaced when both are complete.
 *
 * @throws {RunArgumentError} when an initializer does not fit the graph.
 */
export async function writeModel(
  file: string,
  model: Graph,
  { initializers = {}, minExternalBytes = 1024 }: WriteModelOptions = {},
): Promise<void> {
  const graph = bindInitializers(model, initializers);
  const location = `${basename(file)}.data`;
  const external = new Map<string, ExternalData>();
  const placed: { readonly tensor: Tensor; readonly offset: number }[] = [];
  let end = 0;
  for (const { name, tensor } of graph.constants) {
    if (tensor.data.byteLength < minExternalBytes) continue;
    const offset = Math.ceil(end / PAGE_BYTES) * PAGE_BYTES;
    external.set(name, { location, offset });
    placed.push({ tensor, offset });
    end = offset + tensor.data.byteLength;
  }
  const bytes = encodeModelBeside(graph, external);
  const written: string[] = [];
  const unfinished = (name: string): string => {
    written.push(name);
    return `${name}.partial`;
  };
  try {
    if (placed.length > 0) {
      await using data = await open(unfinished(`${file}.data`), 'w');
      for (const { tensor, offset } of placed) await writeAt(data, bytesOf(tensor), offset);
      await data.sync();
    }
    await writeFile(unfinished(file), bytes, { flush: true });
    for (const name of written) await rename(`${name}.partial`, name);
  } catch (error) {
    for (const name of written) await rm(`${name}.partial`, { force: true });
    throw error;
  }
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.length - done, 1 << 26), offset + done);
    done += bytesWritten;
  }
}
