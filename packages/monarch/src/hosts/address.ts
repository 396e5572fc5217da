import { isIP } from 'node:net';
import { OptionError } from '../errors.ts';

/** Where a machine listens. */
export interface HostAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([^[\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/;

/** Reads `host:port`, `[::1]:port`. @throws {OptionError} naming `option` */
export function parseAddress(text: string, option: string): HostAddress {
  const [, bracketed, plain, port] = ADDRESS.exec(text) ?? [];
  const host = bracketed ?? plain;
  const isSound = host !== undefined && Number(port) <= 65_535 && (bracketed === undefined || isIP(bracketed) === 6);
  if (!isSound) throw new OptionError(option, `'${text}' is no address. Write host:port, such as gpu1:7000.`);
  return { host, port: Number(port) };
}

/** The inverse of {@link parseAddress}. */
export function addressText({ host, port }: HostAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
