import { Console } from 'node:console';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { constants } from 'node:fs';
import net from 'node:net';

function denied(): never {
  throw new Error('not permitted in the sandbox');
}

/**
 * Takes away what the permission model of Node leaves open, the network above all, before anything foreign runs. What a
 * snippet would need first, a JavaScript object to begin with, {@link PROGRAM} does not leave it.
 */
export function lockDown(): void {
  // Pyodide asks for the flags of files when it loads; the real function is closed by the permission model.
  const binding = (name: string) => (name === 'constants' ? { fs: constants } : denied());
  for (const [owner, names] of [
    [net.Socket.prototype, ['connect']],
    [net.Server.prototype, ['listen']],
    [dgram.Socket.prototype, ['bind', 'connect', 'send']],
    [dns, Object.keys(dns)],
    [dns.promises, Object.keys(dns.promises)],
    [globalThis, ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest', 'Worker', 'SharedArrayBuffer', 'Atomics']],
  ] as const) {
    for (const name of names) {
      const property = Object.getOwnPropertyDescriptor(owner, name);
      if (property?.configurable)
        Object.defineProperty(owner, name, { value: denied, writable: false, configurable: false });
    }
  }
  Object.defineProperty(process, 'binding', { value: binding, writable: false, configurable: false });
}

/**
 * Freezes what every object inherits from, so that nothing that gets hold of one can change what later code does. After
 * Pyodide has loaded: it adds to some of them.
 */
export function freezeIntrinsics(): void {
  const constructors = [
    Object,
    Array,
    Function,
    Map,
    Set,
    WeakMap,
    WeakSet,
    Promise,
    RegExp,
    String,
    Number,
    Boolean,
    Symbol,
    BigInt,
    Date,
    ArrayBuffer,
    DataView,
    Uint8Array,
    Console,
  ];
  for (const each of [...constructors, Object.getPrototypeOf(Uint8Array) as typeof Uint8Array]) {
    Object.freeze(each);
    Object.freeze(each.prototype);
  }
  for (const each of [JSON, Math, Reflect, Error.prototype]) Object.freeze(each);
  Object.preventExtensions(Error); // not frozen: Pyodide sets its stackTraceLimit
}
