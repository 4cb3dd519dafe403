// pure

/** Which policy a request names: a policy or group, or one member of a group (reference/policy-server.md 0.7). */
export type PolicyId = { name: string; member?: string };

/** Parses `name` or `group/member`; undefined if the text is neither. */
export function parsePolicyId(text: string): PolicyId | undefined {
  const [name = "", member, ...rest] = text.split("/");
  if (name === "" || member === "" || rest.length > 0) return undefined;
  return member === undefined ? { name } : { name, member };
}
