import { test } from "uvu";
import * as assert from "uvu/assert";
import type {
  AuditFacts,
  AuthorityFacts,
  CertificateFacts,
  LeafFacts,
  Observed,
  ServerFacts,
  ServerPass,
} from "./facts.ts";
import { authorityRequest } from "./authority-rotation.ts";
import { dueRequest, nextLookMs } from "./rotation.ts";

const now = new Date("2030-06-15T12:00:00Z");
const day = 86_400_000;
const days = (count: number) => new Date(now.getTime() + count * day);
const settleMs = 60_000;

const certificate = (name: string, from = -100, until = 1000): CertificateFacts => ({
  pem: `${name}\n`,
  fingerprint: name,
  notBefore: days(from),
  notAfter: days(until),
  isAuthority: name.startsWith("ca"),
  dnsNames: [],
});
const ca1 = certificate("ca1"), ca2 = certificate("ca2");
const secret = { uid: "s", resourceVersion: "7", metadataInPlace: true };

const authorityOf = (more: Partial<AuthorityFacts> = {}): AuthorityFacts => {
  const current: CertificateFacts | undefined = "current" in more ? more.current : ca1;
  const facts = { secret, chain: [], old: [], published: [[ca1]], inUseSince: current?.notBefore, ...more, current };
  const pem = [facts.current, ...facts.old].map((each) => each?.pem).join("");
  return { bundle: facts.current && !facts.problem ? { pem, digest: `digest of ${pem}` } : undefined, ...facts };
};
const leafOf = (more: Partial<LeafFacts> = {}): LeafFacts => ({
  secret,
  certificate: certificate("leaf", -100, 265),
  issuer: ca1,
  ...more,
});
const observed = (authority: AuthorityFacts, server: Partial<ServerFacts> = {}): ServerPass => ({
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
const summary = (request: ReturnType<typeof dueRequest>) =>
  request && { ...request, because: undefined, ...("trusted" in request ? { trusted: names(request.trusted) } : {}) };
const names = (list: CertificateFacts[]) => list.map((each) => each.fingerprint);
const expected = (request: object) => ({ because: undefined, ...request });

const authorityCases: [string, AuthorityFacts, object | undefined][] = [
  ["a sound authority is left alone", authorityOf(), undefined],
  [
    "a missing Secret is created",
    authorityOf({ secret: undefined, current: undefined, published: [] }),
    { issue: "authority", replaces: undefined, trusted: [] },
  ],
  [
    "a Secret lost by hand leaves its authority in the published bundles, where it stays trusted",
    authorityOf({ secret: undefined, current: undefined, published: [[ca2, ca1], [ca2]] }),
    { issue: "authority", replaces: undefined, trusted: ["ca2", "ca1"] },
  ],
  [
    "a published authority that has expired is not trusted again",
    authorityOf({ secret: undefined, current: undefined, published: [[ca1, certificate("ca0", -4000, -1)]] }),
    { issue: "authority", replaces: undefined, trusted: ["ca1"] },
  ],
  [
    "an authority without its key is replaced in the version that was seen",
    authorityOf({ problem: "ca.key is missing" }),
    { issue: "authority", replaces: "7", trusted: ["ca1"] },
  ],
  [
    "an authority that expires in 60 days is replaced and stays trusted",
    authorityOf({ current: certificate("ca1", -3590, 60), old: [ca2] }),
    { issue: "authority", replaces: "7", trusted: ["ca1", "ca2"] },
  ],
  ["an authority that expires in 61 days stays", authorityOf({ current: certificate("ca1", -3589, 61) }), undefined],
  [
    "an authority from the future is replaced",
    authorityOf({ current: certificate("ca1", 1, 3650) }),
    { issue: "authority", replaces: "7", trusted: ["ca1"] },
  ],
  [
    "a former authority stays until it expires",
    authorityOf({ current: ca2, old: [ca1], published: [[ca2, ca1]] }),
    undefined,
  ],
  [
    "a former authority leaves when it has expired",
    authorityOf({ current: ca2, old: [certificate("ca1", -3700, -1)], published: [[ca2, ca1]] }),
    { issue: "trusted-list", replaces: "7", trusted: [] },
  ],
  [
    "an authority put in place by hand does not end the trust in the published one",
    authorityOf({ current: ca2, published: [[ca1]] }),
    { issue: "trusted-list", replaces: "7", trusted: ["ca1"] },
  ],
  [
    "an authority whose chain changed keeps no former one that stands in the chain",
    authorityOf({ current: ca2, chain: [ca1], old: [ca1], published: [[ca2, ca1]] }),
    { issue: "trusted-list", replaces: "7", trusted: [] },
  ],
  ["a former authority taken out by hand stays out", authorityOf({ current: ca2, published: [[ca2, ca1]] }), undefined],
];
const inPlace = { secretName: "kubewarden-ca", resourceVersion: "7" };
const elsewhere = (certificates: CertificateFacts[], upToDate: boolean) => ({
  ...{ secretName: "issued", resourceVersion: "9" },
  copy: { certificates, upToDate },
});
const providedCases: [string, AuthorityFacts, object | undefined][] = [
  [
    "a missing Secret stays missing",
    authorityOf({ provided: inPlace, secret: undefined, current: undefined }),
    undefined,
  ],
  ["one without its key stays", authorityOf({ provided: inPlace, problem: "ca.key is missing" }), undefined],
  ["one near its end stays", authorityOf({ provided: inPlace, current: certificate("ca1", -3640, 10) }), undefined],
  ["one that expired stays", authorityOf({ provided: inPlace, current: certificate("ca1", -3651, -1) }), undefined],
  [
    "another one leaves the published one trusted",
    authorityOf({ provided: inPlace, current: ca2 }),
    { issue: "trusted-list", replaces: "7", trusted: ["ca1"] },
  ],
  [
    "one in another Secret is copied",
    authorityOf({ provided: elsewhere([], false), secret: undefined, published: [] }),
    { issue: "copy", replaces: undefined, trusted: [] },
  ],
  [
    "another one in another Secret is copied over the former one, which stays trusted",
    authorityOf({ provided: elsewhere([ca1], false), current: ca2, old: [certificate("ca0")] }),
    { issue: "copy", replaces: "7", trusted: ["ca1", "ca0"] },
  ],
  [
    "a copy that was lost is made again, with what is published",
    authorityOf({ provided: elsewhere([], false), secret: undefined, current: ca2, published: [[ca2, ca1]] }),
    { issue: "copy", replaces: undefined, trusted: ["ca1"] },
  ],
  ["a copy that is up to date stays", authorityOf({ provided: elsewhere([ca1], true) }), undefined],
  [
    "former ones that expired leave the copy",
    authorityOf({ provided: elsewhere([ca1], true), old: [certificate("ca0", -3700, -1)] }),
    { issue: "trusted-list", replaces: "7", trusted: [] },
  ],
];
for (const [name, authority, request] of providedCases) {
  test(`rotation, of an authority that others provide: ${name}`, () => {
    assert.equal(summary(authorityRequest(authority, now)), request && expected(request));
  });
}

test("rotation: an authority that others provide signs nothing once it has expired", () => {
  const expired = authorityOf({ provided: inPlace, current: certificate("ca1", -3651, -1) });
  assert.is(dueRequest(observed(expired, { leaf: {}, trustedCaDigest: undefined }), now), undefined);
});

for (const [name, authority, request] of authorityCases) {
  test(`rotation: ${name}`, () => {
    assert.equal(summary(authorityRequest(authority, now)), request && expected(request));
  });
}

const changed = authorityOf({ current: certificate("ca2", -1, 3649), old: [ca1], published: [[ca2, ca1]] });
const fresh = authorityOf({ current: certificate("ca2", -0.001, 3649), old: [ca1], published: [[ca2, ca1]] });
const issue = { issue: "leaf", replaces: "7" };
const leafCases: [string, Observed, object | undefined][] = [
  ["a sound leaf is left alone", observed(authorityOf()), undefined],
  [
    "a new server gets its leaf at once",
    observed(authorityOf(), { leaf: {}, trustedCaDigest: undefined, trustedSince: undefined }),
    { issue: "leaf", replaces: undefined },
  ],
  [
    "a damaged leaf is replaced",
    observed(authorityOf(), { leaf: leafOf({ problem: "damaged", issuer: undefined }) }),
    issue,
  ],
  ["a leaf of a stranger is replaced", observed(authorityOf(), { leaf: leafOf({ issuer: undefined }) }), issue],
  [
    "a leaf that expires in 60 days is renewed",
    observed(authorityOf(), { leaf: leafOf({ certificate: certificate("leaf", -305, 60) }) }),
    issue,
  ],
  ["a terminating server gets nothing", observed(authorityOf(), { leaf: {}, terminating: true }), undefined],
  [
    "no leaf is made while the authority itself is due",
    observed(authorityOf({ secret: undefined, current: undefined }), { leaf: {} }),
    { issue: "authority", replaces: undefined, trusted: ["ca1"] },
  ],
  [
    "a leaf of the former authority stays while webhooks have not confirmed the new one",
    observed(changed, { trustedCaDigest: "digest of ca1\n", trustedSince: undefined }),
    undefined,
  ],
  [
    "a confirmation must settle first",
    observed(changed, { trustedSince: new Date(now.getTime() - settleMs + 1) }),
    undefined,
  ],
  ["then the new authority signs", observed(changed, { trustedSince: new Date(now.getTime() - settleMs) }), issue],
  [
    "eight days before the former authority expires there is still time",
    observed(authorityOf({ ...changed, old: [certificate("ca1", -3642, 8)] }), {
      trustedCaDigest: "digest of ca1\n",
      leaf: leafOf({ issuer: certificate("ca1", -3642, 8) }),
    }),
    undefined,
  ],
  [
    "seven days before the former authority expires the new one signs anyway",
    observed(authorityOf({ ...changed, old: [certificate("ca1", -3643, 7)] }), {
      trustedCaDigest: "digest of ca1\n",
      leaf: leafOf({ issuer: certificate("ca1", -3643, 7) }),
    }),
    issue,
  ],
  [
    "seven days before the leaf expires the new authority signs anyway",
    observed(changed, { trustedCaDigest: undefined, leaf: leafOf({ certificate: certificate("leaf", -358, 7) }) }),
    issue,
  ],
  [
    "a leaf that was lost together with its authority waits for the webhooks, which pods with the old one still serve",
    observed(fresh, { trustedCaDigest: "digest of ca1\n", leaf: {} }),
    undefined,
  ],
  ["it waits no longer than until they trust", observed(fresh, { leaf: {} }), { issue: "leaf", replaces: undefined }],
  [
    "it waits no longer than some minutes",
    observed(changed, { trustedCaDigest: "digest of ca1\n", leaf: {} }),
    { issue: "leaf", replaces: undefined },
  ],
];
const lapsing = certificate("ca1", -82, 8);
leafCases.push(
  [
    "of a former authority that lives for 90 days a certificate is not rushed a week before its end",
    observed(authorityOf({ ...changed, old: [certificate("ca1", -78, 12)] }), {
      trustedCaDigest: "digest of ca1\n",
      leaf: leafOf({ issuer: certificate("ca1", -78, 12) }),
    }),
    undefined,
  ],
  [
    "but in the last eighth of those 90 days",
    observed(authorityOf({ ...changed, old: [lapsing] }), {
      trustedCaDigest: "digest of ca1\n",
      leaf: leafOf({ issuer: certificate("ca1", -84, 6) }),
    }),
    issue,
  ],
  [
    "a lost leaf waits for webhooks to trust an old authority that was just put in place",
    observed(authorityOf({ ...changed, inUseSince: new Date(now.getTime() - 1000) }), {
      trustedCaDigest: "digest of ca1\n",
      leaf: {},
    }),
    undefined,
  ],
);
for (const [name, facts, request] of leafCases) {
  test(`rotation: ${name}`, () => {
    assert.equal(summary(dueRequest(facts, now)), request && expected(request));
  });
}

const audit = (authority: AuthorityFacts, more: Partial<AuditFacts> = {}): Observed => ({
  about: "audit",
  namespace: "kubewarden",
  settleMs,
  authority,
  audit: { secretName: "kubewarden-audit-scanner-client-cert", leaf: leafOf(), ...more },
});
const auditCases: [string, Observed, object | undefined][] = [
  ["is made at once, and the authority before it", audit(authorityOf(), { leaf: {} }), {
    issue: "leaf",
    replaces: undefined,
  }],
  [
    "comes after a missing authority",
    audit(authorityOf({ secret: undefined, current: undefined, published: [] }), { leaf: {} }),
    { issue: "authority", replaces: undefined, trusted: [] },
  ],
  ["stays while it is sound", audit(authorityOf()), undefined],
  [
    "is renewed 60 days before it expires",
    audit(authorityOf(), { leaf: leafOf({ certificate: certificate("leaf", -305, 60) }) }),
    issue,
  ],
  ["is made anew when damaged", audit(authorityOf(), { leaf: leafOf({ problem: "tls.key is missing" }) }), issue],
  ["is made anew when of a stranger", audit(authorityOf(), { leaf: leafOf({ issuer: undefined }) }), issue],
  ["of the former authority stays until all policy servers have changed", audit(changed), undefined],
  ["stays a little longer", audit(changed, { followedSince: new Date(now.getTime() - settleMs + 1) }), undefined],
  ["then changes as well", audit(changed, { followedSince: new Date(now.getTime() - settleMs) }), issue],
  [
    "does not wait for policy servers in its last days",
    audit(changed, { leaf: leafOf({ certificate: certificate("leaf", -358, 7) }) }),
    issue,
  ],
];
for (const [name, facts, request] of auditCases) {
  test(`rotation: the client certificate ${name}`, () => {
    assert.equal(summary(dueRequest(facts, now)), request && expected(request));
  });
}

test("rotation: looks again when the next thing is due, and twice a day at least", () => {
  assert.is(nextLookMs(observed(authorityOf()), now), day / 2);
  assert.is(nextLookMs(observed(changed, { trustedSince: new Date(now.getTime() - 20_000) }), now), 40_000);
  const soon = leafOf({ certificate: certificate("leaf", -304, 60.1) });
  assert.ok(Math.abs(nextLookMs(observed(authorityOf(), { leaf: soon }), now) - day / 10) < 1000);
});

test("rotation: driven by time alone, a server is never left with a leaf that its webhooks do not trust", () => {
  // Steps a day at a time through 25 years; webhooks confirm a published bundle a day after it was published.
  let at = new Date("2030-01-01T00:00:00Z");
  let serial = 0;
  const make = (kind: string, validDays: number): CertificateFacts => ({
    ...certificate(`${kind}${++serial}`),
    notBefore: at,
    notAfter: new Date(at.getTime() + validDays * day),
  });
  let authority = authorityOf({ current: make("ca", 3650), published: [] });
  let leaf = leafOf({ certificate: make("leaf", 365), issuer: authority.current });
  let trusted: string[] = [], digest = "", since = at, rotations = 0;
  for (let step = 0; step < 365 * 25; step++) {
    if (authority.bundle && digest !== authority.bundle.digest) {
      digest = authority.bundle.digest;
      trusted = names([authority.current!, ...authority.old]);
      since = at;
    }
    at = new Date(at.getTime() + day);
    const facts = observed(authority, { leaf, trustedCaDigest: digest, trustedSince: since });
    const request = dueRequest(facts, at);
    if (request?.issue === "leaf") leaf = leafOf({ certificate: make("leaf", 365), issuer: authority.current });
    else if (request) {
      const current = request.issue === "authority" ? make("ca", 3650) : authority.current!;
      rotations += request.issue === "authority" ? 1 : 0;
      authority = authorityOf({ current, old: request.trusted, published: [[current, ...request.trusted]] });
    }
    assert.ok(trusted.includes(leaf.issuer!.fingerprint), `day ${step}: leaf of ${leaf.issuer!.fingerprint}`);
    assert.ok(leaf.certificate!.notAfter > at && leaf.issuer!.notAfter > at, `day ${step}: expired`);
    assert.ok(authority.old.length <= 1);
  }
  assert.is(rotations, 2);
});

test.run();
