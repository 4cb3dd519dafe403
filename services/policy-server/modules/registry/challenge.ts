// pure

/** How a registry wants to be asked (RFC 9110, 11.6.1): `scheme` and names of parameters in lower case. */
export type Challenge = { scheme: string; params: Readonly<Record<string, string>> };

/** Reads WWW-Authenticate, which may hold several challenges. What is no challenge is passed over. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  const token = /[\w!#$%&'*+.^`|~-]+/y, rest = /\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;
  for (let at = 0; at < header.length;) {
    token.lastIndex = at;
    const word = token.exec(header)?.[0];
    if (word === undefined) {
      at++;
      continue;
    }
    rest.lastIndex = token.lastIndex;
    const value = rest.exec(header);
    at = value === null ? token.lastIndex : rest.lastIndex;
    if (value === null) challenges.push({ scheme: word.toLowerCase(), params: {} });
    else {
      const current = challenges.at(-1);
      if (current) current.params[word.toLowerCase()] = value[1]?.replace(/\\(.)/g, "$1") ?? value[2] ?? "";
    }
  }
  return challenges;
}
