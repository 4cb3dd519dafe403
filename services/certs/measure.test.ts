import { test } from "uvu";
import * as assert from "uvu/assert";
import { createMetrics } from "../../runtime/telemetry/metrics.ts";
import { samplesOf as samplesOnPage } from "../../runtime/testing/prometheus-page.ts";
import type { AuditPass, AuthorityFacts, CertificateFacts, ServerPass } from "./facts.ts";
import { measureCertificates } from "./measure.ts";

const now = new Date("2030-06-15T12:00:00Z");
const day = 86_400_000;
const days = (count: number) => new Date(now.getTime() + count * day);
const certificate = (name: string, until: number): CertificateFacts => ({
  pem: `${name}\n`,
  fingerprint: name,
  notBefore: days(until - 365),
  notAfter: days(until),
  isAuthority: true,
  dnsNames: [],
});
const ca1 = certificate("ca1", 300), ca2 = certificate("ca2", 365);
const authority: AuthorityFacts = {
  secret: { uid: "s", resourceVersion: "1", metadataInPlace: true },
  current: ca2,
  chain: [],
  listed: [ca2, ca1],
  isListed: true,
  old: [ca1],
  bundle: { pem: "ca2\nca1\n", digest: "d" },
  published: [],
};
const pass = { namespace: "kubewarden", settleMs: 1000, authority };
const target = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "blue", uid: "u" };
const leaf = { certificate: certificate("leaf", 100), issuer: ca1 };
const serverPass: ServerPass = {
  ...pass,
  about: "server",
  server: { target, owner: target, terminating: false, secretName: "s", dnsName: "d", leaf },
};
const auditPass: AuditPass = { ...pass, about: "audit", audit: { secretName: "a", leaf: {} } };

async function page(use: (measures: ReturnType<typeof measureCertificates>) => void) {
  const metrics = createMetrics();
  use(measureCertificates(metrics));
  const samples = samplesOnPage((await metrics.text()).body);
  await metrics.close();
  return (name: string, labels: Record<string, string>) =>
    samples.find((each) =>
      each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value)
    )?.value;
}

test("measure: the page says when each certificate ends and when it is due", async () => {
  const value = await page((measures) => {
    measures.saw("blue", serverPass, now);
    measures.saw("audit", auditPass, now);
    measures.issued({ certificate: "serving" });
  });
  const serving = { certificate: "serving", policy_server: "blue" };
  assert.is(value("kubewarden_certificate_expiry_timestamp_seconds", serving), days(100).getTime() / 1000);
  assert.is(value("kubewarden_certificate_renewal_timestamp_seconds", serving), days(40).getTime() / 1000);
  assert.is(
    value("kubewarden_certificate_expiry_timestamp_seconds", { certificate: "ca" }),
    days(365).getTime() / 1000,
  );
  assert.is(value("kubewarden_certificate_problem", serving), 0);
  assert.is(value("kubewarden_certificate_problem", { certificate: "audit-client" }), 1);
  assert.is(value("kubewarden_certificate_problem", { certificate: "ca" }), 0);
  assert.is(value("kubewarden_certificates_issued_total", { certificate: "serving" }), 1);
});

test("measure: the page says how far a change of authorities has come, for each who shows certificates", async () => {
  const stateOf = async (changed: ServerPass) => {
    const value = await page((measures) => measures.saw("blue", changed, now));
    const states = ["settled", "awaiting-trust", "settling", "overlapping"];
    return states.filter((state) =>
      value("kubewarden_certificate_rotation_state", { policy_server: "blue", state }) === 1
    );
  };
  const { server } = serverPass;
  const signed = { ...server, leaf: { ...leaf, issuer: ca2 } };
  assert.equal(await stateOf(serverPass), ["awaiting-trust"]);
  assert.equal(await stateOf({ ...serverPass, server: { ...server, trustedSince: now } }), ["settling"]);
  assert.equal(await stateOf({ ...serverPass, server: signed }), ["overlapping"]);
  assert.equal(await stateOf({ ...serverPass, authority: { ...authority, old: [] }, server: signed }), ["settled"]);
});

test("measure: what is refused is a problem, and what is gone is gone from the page", async () => {
  const refusal = { of: "authority", message: "forbidden" } as const;
  const value = await page((measures) => {
    measures.saw("blue", serverPass, now);
    measures.saw("blue", undefined, now);
    measures.saw("audit", { ...auditPass, refusal }, now);
  });
  assert.is(value("kubewarden_certificate_problem", { certificate: "ca" }), 1);
  assert.is(value("kubewarden_certificate_problem", { policy_server: "blue" }), undefined);
});

test.run();
