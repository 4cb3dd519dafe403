import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CertificateFacts, Observed } from "./facts.ts";
import { dueRequest, nextLookMs } from "./rotation.ts";
import {
  authorityOf,
  certificate,
  changed,
  day,
  expected,
  fresh,
  leafOf,
  names,
  now,
  observed,
  settleMs,
  summary,
} from "./test-facts.ts";

const issue = { issue: "leaf", replaces: "7" };
const lapsing = certificate("ca1", -82, 8);
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
];
for (const [name, facts, request] of leafCases) {
  test(`rotation: ${name}`, () => {
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
