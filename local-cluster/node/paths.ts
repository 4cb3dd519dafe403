// pure

/** Where a path inside a container is found on this machine. */
export type PathMount = { inside: string; outside: string };

/**
 * The one place that gives each pod "its own root": a value that is, or begins with, a mount path is rewritten to the
 * pod's folder. Understands lists (`/ca/ca.crt,/client-ca/ca.crt`) and flags (`--cert-file=/pki/tls.crt`).
 */
export function translatePaths(value: string, mounts: readonly PathMount[]): string {
  const longestFirst = mounts.toSorted((a, b) => b.inside.length - a.inside.length);
  return value.split(",").map((part) => {
    const [, flag = "", path = ""] = /^(-{1,2}[\w.-]+=)?([\s\S]*)$/.exec(part) ?? [];
    const mount = longestFirst.find(({ inside }) => path === inside || path.startsWith(withSlash(inside)));
    if (!mount) return part;
    return `${flag}${withoutSlash(mount.outside)}${path.slice(withoutSlash(mount.inside).length)}`;
  }).join(",");
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}
