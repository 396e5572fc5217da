import { OptionError } from '../errors.ts';

/** Variables by which node and the linker load code, or by which a process knows its allow-list. */
const LOADS_CODE = /^(NODE_|LD_|DYLD_|FORGE_ALLOW$|OPENSSL_CONF$)/i;

/** An environment must not be a way around the allow-list of a machine. @throws {OptionError} */
export function checkLaunchEnv(env: Readonly<Record<string, string>>): void {
  const name = Object.keys(env).find((key) => LOADS_CODE.test(key));
  if (name === undefined) return;
  const problem = `the variable ${name} can make a process load any code, which other machines do not allow.`;
  throw new OptionError('env', `${problem} Set it where forge-host is started.`);
}
