import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AuthorityFacts, CertificateFacts, ServerFacts, ServerPass } from "./facts.ts";
import { planCertificates } from "./plan.ts";

const now = new Date("2030-06-15T12:00:00Z");
const certificate = (name: string): CertificateFacts => ({
  pem: `${name}\n`,
  fingerprint: name,
  notBefore: new Date("2030-06-01T00:00:00Z"),
  notAfter: new Date("2031-06-01T00:00:00Z"),
  isAuthority: true,
  dnsNames: [],
});
const secret = { uid: "s1", resourceVersion: "7", metadataInPlace: true };
const authority: AuthorityFacts = {
  secret,
  current: certificate("ca2"),
  chain: [],
  listed: [certificate("ca2"), certificate("ca1")],
  isListed: true,
  old: [certificate("ca1")],
  bundle: { pem: "ca2\nca1\n", digest: "d2" },
  published: [[certificate("ca2"), certificate("ca1")]],
};
const owner = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "blue", uid: "u1" };
const server: ServerFacts = {
  target: owner,
  owner,
  generation: 3,
  terminating: false,
  secretName: "policy-server-blue",
  dnsName: "policy-server-blue.kubewarden.svc",
  publishedBundle: "ca1\n",
  trustedCaDigest: "d2",
  trustedSince: now,
  leaf: { secret, certificate: certificate("leaf"), issuer: certificate("ca2") },
};
const observed = (more: Partial<ServerPass> = {}): ServerPass => ({
  about: "server",
  namespace: "kubewarden",
  settleMs: 60_000,
  authority,
  server,
  ...more,
});
const statusOf = (facts: ServerPass) => {
  const [status] = planCertificates(facts, now).status;
  return {
    caBundle: status!.fields!.caBundle,
    conditions: status!.conditions.map(({ type, status }) => `${type} ${status}`),
    reasons: status!.conditions.map(({ reason }) => reason),
    messages: status!.conditions.map(({ message }) => message),
  };
};

test("plan: with both Secrets in place both conditions are True and the bundle is published", () => {
  assert.equal(planCertificates(observed(), now), {
    apply: [],
    remove: [],
    finalizers: [],
    status: [{
      target: owner,
      fields: { caBundle: "ca2\nca1\n" },
      conditions: [
        {
          type: "CARootSecretReconciled",
          status: "True",
          reason: "ReconciliationSucceeded",
          message:
            'Secret "kubewarden/kubewarden-ca" holds a certificate authority that is valid until 2031-06-01T00:00:00.000Z',
          observedGeneration: 3,
        },
        {
          type: "CertSecretReconciled",
          status: "True",
          reason: "ReconciliationSucceeded",
          message:
            'Secret "kubewarden/policy-server-blue" holds a serving certificate that is valid until 2031-06-01T00:00:00.000Z',
          observedGeneration: 3,
        },
      ],
    }],
    lookAgainAfterMs: 60_000,
  });
});

test("plan: nothing is claimed before the Secrets were seen, and the former bundle stands", () => {
  const facts = observed({
    authority: { chain: [], listed: [], isListed: true, old: [], published: [[certificate("ca1")]] },
    server: { ...server, leaf: {} },
  });
  const { caBundle, conditions, reasons } = statusOf(facts);
  assert.is(caBundle, "ca1\n");
  assert.equal(conditions, ["CARootSecretReconciled False", "CertSecretReconciled False"]);
  assert.equal(reasons, ["Issuing", "Issuing"]);
});

test("plan: an authority put in place by hand is not published before the former one is kept beside it", () => {
  const lone = { ...authority, old: [], bundle: { pem: "ca2\n", digest: "d" }, published: [[certificate("ca1")]] };
  assert.is(statusOf(observed({ authority: lone })).caBundle, "ca1\n");
});

test("plan: a refusal is told in the API server's words, in the condition it belongs to", () => {
  const facts = observed({
    server: { ...server, leaf: { secret, problem: "tls.key is missing" } },
    refusal: { of: "leaf", message: "Cannot replace Secret: immutable" },
  });
  const { conditions, reasons, messages } = statusOf(facts);
  assert.equal(conditions, ["CARootSecretReconciled True", "CertSecretReconciled False"]);
  assert.equal(reasons, ["ReconciliationSucceeded", "ReconciliationFailed"]);
  assert.match(messages[1]!, "Cannot replace Secret: immutable");
});

test("plan: a certificate that waits for an authority says whether somebody has to do something about that one", () => {
  const none = { ...authority, current: undefined, bundle: undefined };
  const bare = { ...server, leaf: {} };
  const refusal = { of: "authority", message: "Cannot create Secret: forbidden" } as const;
  assert.equal(statusOf(observed({ authority: none, server: bare })).reasons, ["Issuing", "Issuing"]);
  const refused = statusOf(observed({ authority: none, server: bare, refusal }));
  assert.equal(refused.reasons, ["ReconciliationFailed", "ReconciliationFailed"]);
  const lacking = { ...none, provided: { secretName: "issued", elsewhere: true } };
  const awaited = statusOf(observed({ authority: lacking, server: bare }));
  assert.equal(awaited.reasons, ["ReconciliationFailed", "ReconciliationFailed"]);
});

test("plan: a change of authorities that webhooks have not confirmed is said, and the old certificate serves on", () => {
  const waiting = { ...server, trustedCaDigest: "d1", leaf: { ...server.leaf, issuer: certificate("ca1") } };
  const { conditions, messages } = statusOf(observed({ server: waiting }));
  assert.is(conditions[1], "CertSecretReconciled True");
  assert.match(messages[1]!, "once all webhooks trust it");
  const forced = { ...server, trustedCaDigest: "d1" };
  assert.match(statusOf(observed({ server: forced })).messages[1]!, "not all webhooks are known to trust");
});

test("plan: labels and owner taken away by hand are put back on the very Secret that was seen", () => {
  const bare = { ...secret, metadataInPlace: false };
  const plan = planCertificates(
    observed({
      authority: { ...authority, secret: bare },
      server: { ...server, leaf: { ...server.leaf, secret: bare } },
    }),
    now,
  );
  const labels = { "app.kubernetes.io/part-of": "kubewarden" };
  assert.equal(plan.apply, [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "kubewarden-ca", namespace: "kubewarden", uid: "s1", labels },
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "policy-server-blue",
        namespace: "kubewarden",
        uid: "s1",
        labels: { ...labels, "app.kubernetes.io/component": "policy-server" },
        ownerReferences: [owner],
      },
    },
  ]);
});

const messageOf = (facts: ServerPass) => statusOf(facts).messages[0]!;
const provided = { secretName: "issued", resourceVersion: "9", elsewhere: true };

test("plan: an authority that others provide is named where it stands, and who has to mend it", () => {
  const missing = {
    ...authority,
    provided: { secretName: "issued", elsewhere: true },
    current: undefined,
    bundle: undefined,
  };
  const facts = observed({ authority: missing });
  assert.equal(statusOf(facts).conditions, ["CARootSecretReconciled False", "CertSecretReconciled True"]);
  assert.is(statusOf(facts).caBundle, "ca1\n");
  assert.match(
    messageOf(facts),
    'Secret "kubewarden/issued": no certificate authority to sign with (it does not exist)',
  );
  const broken = { ...authority, provided, problem: "tls.key is missing", bundle: undefined };
  assert.match(messageOf(observed({ authority: broken })), "(tls.key is missing). Whoever provides it");
  const expired = { ...authority, provided, current: { ...certificate("ca2"), notAfter: now } };
  assert.match(messageOf(observed({ authority: expired })), "(it expired at 2030-06-15T12:00:00.000Z)");
});

test("plan: an authority that others provide and that nears its end is said to, for as long as it works", () => {
  const soon = { ...certificate("ca2"), notAfter: new Date("2030-07-15T00:00:00Z") };
  // Made for a year: its last fifth is later than 60 days before the end.
  const year = { ...soon, notBefore: new Date("2029-07-15T00:00:00Z") };
  // cert-manager's usual 90 days: with 30 of them left it is renewed.
  const quarter = { ...soon, notBefore: new Date("2030-04-16T00:00:00Z") };
  const late = observed({ authority: { ...authority, provided, current: year } });
  assert.is(statusOf(late).conditions[0], "CARootSecretReconciled True");
  assert.match(
    messageOf(late),
    "valid until 2030-07-15T00:00:00.000Z, in 30 days: whoever provides it must replace it",
  );
  assert.not.match(messageOf(observed({ authority: { ...authority, provided, current: quarter } })), "must replace it");
});

test("plan: a pass about the client certificate speaks of no PolicyServer, and puts labels back", () => {
  const bare = { ...secret, metadataInPlace: false };
  const plan = planCertificates({
    about: "audit",
    namespace: "kubewarden",
    settleMs: 1000,
    authority,
    audit: {
      secretName: "kubewarden-audit-scanner-client-cert",
      leaf: { secret: bare, certificate: certificate("client"), issuer: certificate("ca2") },
    },
  }, now);
  assert.equal(plan.status, []);
  assert.equal(plan.apply.map(({ metadata }) => [metadata.name, metadata.labels]), [
    ["kubewarden-audit-scanner-client-cert", { "app.kubernetes.io/part-of": "kubewarden" }],
  ]);
});

test("plan: a terminating server is left to itself", () => {
  const plan = planCertificates(observed({ server: { ...server, terminating: true } }), now);
  assert.equal(plan, { apply: [], remove: [], status: [], finalizers: [] });
});

test.run();
