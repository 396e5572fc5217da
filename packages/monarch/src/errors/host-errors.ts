/** A machine that could not be attached, and why. */
export interface HostProblem {
  readonly address: string;
  readonly reason: string;
}

/** Machines that could not be attached. None of the others is, either. */
export class AttachError extends Error {
  override readonly name = 'AttachError';
  readonly code = 'ERR_MONARCH_ATTACH';
  readonly hosts: readonly HostProblem[];

  constructor(hosts: readonly HostProblem[], options?: ErrorOptions) {
    const lines = hosts.map(({ address, reason }) => `\n  ${address}: ${reason}`);
    super(
      `${hosts.length === 1 ? 'A host' : `${hosts.length} hosts`} could not be attached:${lines.join('')}`,
      options,
    );
    this.hosts = hosts;
  }
}

/** A module that a machine does not load. */
export class ModuleRefusedError extends Error {
  override readonly name = 'ModuleRefusedError';
  readonly code = 'ERR_MONARCH_MODULE';
  readonly module: string;
  readonly host: string;
  /** Folders from which the machine loads modules. */
  readonly allowed: readonly string[];

  constructor(module: string, host: string, allowed: readonly string[]) {
    const folders = allowed.join(', ');
    super(
      `${host} loads actor modules from ${folders} only, not ${module}. Start forge-host with --allow <its folder>.`,
    );
    this.module = module;
    this.host = host;
    this.allowed = allowed;
  }
}
