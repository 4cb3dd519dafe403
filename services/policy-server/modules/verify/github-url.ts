// pure

/** `owner` and `repo` of a URL on github.com; undefined if it is none (reference/policy-server.md 3.5.16). */
export function repositoryOf(text: string): { owner: string; repo: string } | undefined {
  if (!URL.canParse(text)) return undefined;
  const { host, pathname } = new URL(text);
  const [owner, repo] = pathname.split("/").slice(1);
  return host === "github.com" && owner && repo ? { owner, repo } : undefined;
}
