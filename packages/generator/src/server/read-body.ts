import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.ts';

/** The JSON body of a request. @throws {ApiError} when it is too large, is not UTF-8 or no JSON object */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let numBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    numBytes += chunk.length;
    if (numBytes > maxBytes) {
      throw new ApiError(413, 'body_too_large', `The body has more than the ${maxBytes} bytes that are allowed.`);
    }
    chunks.push(chunk);
  }
  const body: unknown = parse(Buffer.concat(chunks));
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ApiError(400, 'invalid_json', 'The body must be a JSON object.');
  }
  return body as Readonly<Record<string, unknown>>; // an object, checked above
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError(400, 'invalid_json', `The body is not JSON in UTF-8: ${reason}`);
  }
}
