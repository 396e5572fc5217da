/** Runs cannot be shown: a folder is none, or the address cannot be used. */
export class DashboardError extends Error {
  override readonly name = 'DashboardError';
  readonly code = 'ERR_DASHBOARD';
}

/** A request asks for what is not there, or is not a request of this page. */
export class BadRequestError extends Error {
  override readonly name = 'BadRequestError';
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}
