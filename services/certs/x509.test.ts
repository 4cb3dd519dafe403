import "reflect-metadata";
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  X509Certificate as Certificate,
} from "@peculiar/x509";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { handMadeAuthority } from "../../test/hand-made-authority.ts";
import { auditClientName, isKeyOf, isSignedBy, issueAuthority, issueLeaf, readCertificates } from "./x509.ts";

const now = new Date("2026-05-04T03:02:01.987Z");
const dnsName = "policy-server-default.kubewarden.svc";

test("x509: an authority has the name, the validity and the extensions of upstream's", async () => {
  const { certificate, privateKey } = await issueAuthority(now);
  const parsed = new X509Certificate(certificate);
  assert.is(parsed.subject, "CN=kubewarden-controller-ca");
  assert.is(parsed.issuer, parsed.subject);
  assert.is(parsed.ca, true);
  assert.ok(parsed.verify(parsed.publicKey));
  assert.match(privateKey, /^-----BEGIN EC PRIVATE KEY-----\n/);
  const [facts] = await readCertificates(certificate);
  assert.equal([facts!.notBefore, facts!.notAfter], [
    new Date("2026-05-04T03:02:01Z"),
    new Date("2036-05-01T03:02:01Z"),
  ]);
  assert.is(facts!.isAuthority, true);
  assert.equal(facts!.dnsNames, []);
  assert.is(facts!.fingerprint, parsed.fingerprint256.replaceAll(":", "").toLowerCase());
});

test("x509: a leaf carries its one DNS name, is signed by its authority and loads into a TLS server", async () => {
  const authority = await issueAuthority(now);
  const leaf = await issueLeaf({ authority, dnsName, now });
  const parsed = new X509Certificate(leaf.certificate);
  assert.is(parsed.subject, `CN=${dnsName}`);
  assert.is(parsed.subjectAltName, `DNS:${dnsName}`);
  assert.is(parsed.ca, false);
  assert.ok(parsed.verify(new X509Certificate(authority.certificate).publicKey));
  assert.ok(createSecureContext({ cert: leaf.certificate, key: leaf.privateKey }));
  const [facts] = await readCertificates(leaf.certificate);
  assert.equal(facts!.dnsNames, [dnsName]);
  assert.equal(facts!.notAfter, new Date("2027-05-04T03:02:01Z"));
  assert.is(await isSignedBy(leaf.certificate, authority.certificate), true);
});

test("x509: another authority of the same name did not sign the leaf", async () => {
  const [authority, other] = [await issueAuthority(now), await issueAuthority(now)];
  const leaf = await issueLeaf({ authority, dnsName, now });
  assert.is(await isSignedBy(leaf.certificate, other.certificate), false);
});

test("x509: a key belongs to its own certificate only, and damaged input belongs to none", async () => {
  const authority = await issueAuthority(now);
  const leaf = await issueLeaf({ authority, dnsName, now });
  assert.is(await isKeyOf(leaf.privateKey, leaf.certificate), true);
  assert.is(await isKeyOf(authority.privateKey, leaf.certificate), false);
  assert.is(await isKeyOf(leaf.privateKey.slice(0, 80), leaf.certificate), false);
  assert.is(await isKeyOf("", leaf.certificate), false);
  assert.is(await isKeyOf(leaf.privateKey, ""), false);
});

test("x509: a bundle is read in its order and a damaged one is an error", async () => {
  const [one, two] = [await issueAuthority(now), await issueAuthority(now)];
  const facts = await readCertificates(one.certificate + two.certificate);
  assert.equal(facts.map((each) => each.pem), [one.certificate, two.certificate]);
  assert.equal(await readCertificates(""), []);
  let failed = false;
  await readCertificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").catch(() => failed = true);
  assert.ok(failed);
});

test("x509: an authority that may not sign certificates is none", async () => {
  const usages = async (flags: KeyUsageFlags) => {
    const { certificate } = await handMadeAuthority({ now, usages: flags });
    return (await readCertificates(certificate))[0]!.isAuthority;
  };
  assert.is(await usages(KeyUsageFlags.digitalSignature), false);
  assert.is(await usages(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), true);
});

test("x509: a client certificate has a common name and no alternative one, as Helm makes it", async () => {
  const authority = await issueAuthority(now);
  const client = await issueLeaf({ authority, clientName: auditClientName, now });
  const parsed = new X509Certificate(client.certificate);
  assert.is(parsed.subject, "CN=audit-scanner-client");
  assert.is(parsed.subjectAltName, undefined);
  const usages = new Certificate(client.certificate).getExtension(ExtendedKeyUsageExtension)?.usages;
  assert.equal([...usages!], [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]);
  assert.ok(parsed.verify(new X509Certificate(authority.certificate).publicKey));
  assert.is(await isKeyOf(client.privateKey, client.certificate), true);
});

test.run();
