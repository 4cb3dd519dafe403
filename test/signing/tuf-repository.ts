import { hash, type Keys, makeKeys, signWith } from "./keys.ts";

/** The files of a TUF repository with one target, by their path; one key has every role. */
export type TufFiles = ReadonlyMap<string, string>;

const far = "2040-01-01T00:00:00Z";

/** Sigstore's own repository has names with versions and hashes (consistent snapshots), and so has this. */
export function tufFiles(
  trustedRoot: unknown,
  { keys = makeKeys(), expires = far }: { keys?: Keys; expires?: string } = {},
): TufFiles {
  const key = { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: { public: keys.pem } };
  const keyid = hash(Buffer.from(canonical(key))).toString("hex");
  const role = { keyids: [keyid], threshold: 1 };
  const file = (type: string, content: object, until = far) => {
    const signed = { _type: type, spec_version: "1.0.31", version: 1, expires: until, ...content };
    return JSON.stringify({
      signed,
      signatures: [{ keyid, sig: signWith(keys, Buffer.from(canonical(signed))).toString("hex") }],
    });
  };
  const target = JSON.stringify(trustedRoot);
  const sha256 = hash(Buffer.from(target)).toString("hex");
  const targets = { "trusted_root.json": { length: Buffer.byteLength(target), hashes: { sha256 } } };
  return new Map([
    [
      "root.json",
      file("root", {
        consistent_snapshot: true,
        keys: { [keyid]: key },
        roles: { root: role, timestamp: role, snapshot: role, targets: role },
      }),
    ],
    ["timestamp.json", file("timestamp", { meta: { "snapshot.json": { version: 1 } } }, expires)],
    ["1.snapshot.json", file("snapshot", { meta: { "targets.json": { version: 1 } } })],
    ["1.targets.json", file("targets", { targets })],
    [`targets/${sha256}.trusted_root.json`, target],
  ]);
}

/** What is signed: members in order, no blanks. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) {
    // Only these two are escaped, which makes a newline a newline.
    return typeof value === "string" ? `"${value.replace(/["\\]/g, "\\$&")}"` : JSON.stringify(value);
  }
  const members = Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1);
  return `{${members.map(([name, each]) => `${canonical(name)}:${canonical(each)}`).join(",")}}`;
}
