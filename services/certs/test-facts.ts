import type { AuthorityFacts, CertificateFacts, LeafFacts, ServerFacts, ServerPass } from "./facts.ts";
import type { IssueRequest } from "./issue-request.ts";

export const now = new Date("2030-06-15T12:00:00Z");
export const day = 86_400_000;
export const days = (count: number) => new Date(now.getTime() + count * day);
export const settleMs = 60_000;

export const certificate = (name: string, from = -100, until = 1000): CertificateFacts => ({
  pem: `${name}\n`,
  fingerprint: name,
  notBefore: days(from),
  notAfter: days(until),
  isAuthority: name.startsWith("ca"),
  dnsNames: [],
});
export const ca1 = certificate("ca1"), ca2 = certificate("ca2");
export const secret = { uid: "s", resourceVersion: "7", metadataInPlace: true };

export const authorityOf = (more: Partial<AuthorityFacts> = {}): AuthorityFacts => {
  const current: CertificateFacts | undefined = "current" in more ? more.current : ca1;
  const listed = current ? [current] : [];
  const facts = {
    secret,
    chain: [],
    listed,
    isListed: true,
    old: [],
    published: [[ca1]],
    inUseSince: current?.notBefore,
    ...more,
    current,
  };
  const pem = [facts.current, ...facts.old].map((each) => each?.pem).join("");
  return { bundle: facts.current && !facts.problem ? { pem, digest: `digest of ${pem}` } : undefined, ...facts };
};
export const leafOf = (more: Partial<LeafFacts> = {}): LeafFacts => ({
  secret,
  certificate: certificate("leaf", -100, 265),
  issuer: ca1,
  ...more,
});
export const observed = (authority: AuthorityFacts, server: Partial<ServerFacts> = {}): ServerPass => ({
  about: "server",
  namespace: "kubewarden",
  settleMs,
  authority,
  server: {
    target: { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "u" },
    owner: { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "u" },
    generation: 1,
    terminating: false,
    secretName: "policy-server-default",
    dnsName: "policy-server-default.kubewarden.svc",
    trustedCaDigest: authority.bundle?.digest,
    trustedSince: days(-1),
    leaf: leafOf(),
    ...server,
  },
});
export const summary = (request: IssueRequest | undefined) =>
  request && { ...request, because: undefined, ...("trusted" in request ? { trusted: names(request.trusted) } : {}) };
export const names = (list: CertificateFacts[]) => list.map((each) => each.fingerprint);
export const expected = (request: object) => ({ because: undefined, ...request });

export const changed = authorityOf({ current: certificate("ca2", -1, 3649), old: [ca1], published: [[ca2, ca1]] });
export const fresh = authorityOf({ current: certificate("ca2", -0.001, 3649), old: [ca1], published: [[ca2, ca1]] });
