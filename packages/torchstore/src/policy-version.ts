const PREFIX = 'policy_ver_';
/** The prefix itself, or a key below it. */
const KEY = new RegExp(`^${PREFIX}(\\d{10,})(?:\\.|$)`);

/** The key prefix under which a version of the policy's weights is stored: version 7 is `policy_ver_0000000007`. */
export function policyVersionPrefix(version: number): string {
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new RangeError(`${version} is not a policy version: give a whole number of at least 0.`);
  }
  return `${PREFIX}${String(version).padStart(10, '0')}`;
}

/** The newest version of the policy that some keys belong to; `undefined` when they belong to none. */
export function newestPolicyVersion(keys: readonly string[]): number | undefined {
  let newest: number | undefined;
  for (const key of keys) {
    const version = KEY.exec(key)?.[1];
    if (version !== undefined) newest = Math.max(newest ?? 0, Number(version));
  }
  return newest;
}
