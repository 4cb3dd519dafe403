import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AuditFacts, AuthorityFacts, Observed } from "./facts.ts";
import { dueRequest } from "./rotation.ts";
import { authorityOf, certificate, changed, expected, leafOf, now, settleMs, summary } from "./test-facts.ts";

const issue = { issue: "leaf", replaces: "7" };
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

test.run();
