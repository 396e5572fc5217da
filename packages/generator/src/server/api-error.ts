import type { ServerResponse } from 'node:http';

/** A refusal in the shape of OpenAI's API. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly status: number;
  /** The field of the request that is to blame. */
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    { param, retryAfterSeconds }: { readonly param?: string; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Errors of a generator that the request is to blame for; what is not here is a failure of the server. */
const refusals: Readonly<Record<string, string>> = {
  ERR_GENERATOR_SAMPLING_PARAMS: 'invalid_value',
  ERR_GENERATOR_CONSTRAINT: 'invalid_value',
  ERR_GENERATOR_PROMPT: 'invalid_prompt',
  ERR_MODELS_CHAT_TEMPLATE: 'invalid_messages',
};

/** What a client is told of any failure. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code, message, field } = error as { code?: unknown; message?: unknown; field?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  const refusal = refusals[String(code)];
  if (refusal !== undefined)
    return new ApiError(400, refusal, text, typeof field === 'string' ? { param: snakeCase(field) } : {});
  if (code === 'ERR_GENERATOR_STOPPED') return new ApiError(503, 'stopped', text);
  return new ApiError(500, 'internal_error', text);
}

/** An option of the generator as the API calls it. */
function snakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The body of an error. */
export function errorBody({ status, message, param, code }: ApiError): object {
  const type = status === 401 ? 'authentication_error' : status < 500 ? 'invalid_request_error' : 'server_error';
  return { error: { message, type, param: param ?? null, code } };
}

/** Answers with an error, before anything else was sent. */
export function sendError(response: ServerResponse, error: ApiError): void {
  // What is left of a body that was not read would be taken for the next request.
  if (!response.req.complete) response.setHeader('connection', 'close');
  const retry = error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) };
  response.writeHead(error.status, { 'content-type': 'application/json', ...retry });
  response.end(JSON.stringify(errorBody(error)));
}
