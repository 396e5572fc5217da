/** The key prefix under which a version of the policy's weights is stored: version 7 is `policy_ver_0000000007`. */
export function policyVersionPrefix(version: number): string {
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new RangeError(`${version} is not a policy version: give a whole number of at least 0.`);
  }
  return `policy_ver_${String(version).padStart(10, '0')}`;
}
