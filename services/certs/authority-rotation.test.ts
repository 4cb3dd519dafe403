import { test } from "uvu";
import * as assert from "uvu/assert";
import { authorityRequest } from "./authority-rotation.ts";
import type { AuthorityFacts } from "./facts.ts";
import { dueRequest } from "./rotation.ts";
import { authorityOf, ca1, ca2, certificate, expected, now, observed, summary } from "./test-facts.ts";

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
  [
    "a former authority taken out by hand leaves ca.crt as well",
    authorityOf({ current: ca2, listed: [ca2, ca1], isListed: false, published: [[ca2, ca1]] }),
    { issue: "trusted-list", replaces: "7", trusted: [] },
  ],
  ["a former authority taken out by hand stays out", authorityOf({ current: ca2, published: [[ca2, ca1]] }), undefined],
];
const inPlace = { secretName: "kubewarden-ca", resourceVersion: "7", elsewhere: false };
const elsewhere = { secretName: "issued", resourceVersion: "9", elsewhere: true };
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
    "what else its list names is up to others",
    authorityOf({ provided: inPlace, listed: [ca1, ca2], isListed: false }),
    undefined,
  ],
  [
    "one in another Secret is copied",
    authorityOf({ provided: elsewhere, secret: undefined, listed: [], published: [] }),
    { issue: "copy", replaces: undefined, trusted: [] },
  ],
  [
    "another one in another Secret is copied over the former one, which stays trusted",
    authorityOf({ provided: elsewhere, listed: [ca1], current: ca2, old: [certificate("ca0")] }),
    { issue: "copy", replaces: "7", trusted: ["ca1", "ca0"] },
  ],
  [
    "a copy that was lost is made again, with what is published",
    authorityOf({ provided: elsewhere, secret: undefined, listed: [], current: ca2, published: [[ca2, ca1]] }),
    { issue: "copy", replaces: undefined, trusted: ["ca1"] },
  ],
  ["a copy that is up to date stays", authorityOf({ provided: elsewhere }), undefined],
  [
    "a former one taken out of old-ca.crt by hand leaves the copy",
    authorityOf({ provided: elsewhere, current: ca2, listed: [ca2, ca1], isListed: false, published: [[ca2, ca1]] }),
    { issue: "trusted-list", replaces: "7", trusted: [] },
  ],
  [
    "former ones that expired leave the copy",
    authorityOf({ provided: elsewhere, old: [certificate("ca0", -3700, -1)] }),
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

test.run();
