import { parse, type SemVer } from "semver";

/** OPA takes a `v` in front and nothing else around a version; what it writes of builds does not count. */
function parsed(version: string): SemVer | undefined {
  return /^v?\d\S*$/.test(version) ? parse(version) ?? undefined : undefined;
}

/** `semver.is_valid`. */
export function isVersion(version: unknown): boolean {
  return typeof version === "string" && parsed(version) !== undefined;
}

/** `semver.compare`: -1, 0 or 1. Throws an error that names the operand that is no version. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((each, index) => {
    const version = parsed(each);
    if (version === undefined) throw new Error(`operand ${index + 1}: string ${each} is not a valid SemVer`);
    return version;
  }) as [SemVer, SemVer];
  return left.compare(right);
}
