import "reflect-metadata";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { generateKeyPairSync, webcrypto, X509Certificate } from "node:crypto";
import { BasicConstraintsExtension, SubjectKeyIdentifierExtension, X509CertificateGenerator } from "@peculiar/x509";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Observed, ServerPass } from "./facts.ts";
import { createObserver } from "./observe.ts";
import { authorityFacts } from "./observe-authority.ts";
import { servingFacts } from "./observe-leaf.ts";
import { authoritySecretFor, type CertifiedKey, leafSecretFor } from "./secrets.ts";
import { issueAuthority, issueLeaf, readCertificates } from "./x509.ts";

const now = new Date("2026-05-04T03:02:01Z");
const dnsName = "policy-server-default.kubewarden.svc";
const owner = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "u1" };
const [authority, former] = [await issueAuthority(now), await issueAuthority(now)];
const leaf = await issueLeaf({ authority, dnsName, now });

const stored = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, uid: "s1", resourceVersion: "7" },
});
const authoritySecret = (key: CertifiedKey = authority, trusted = "") =>
  stored(authoritySecretFor(key, { namespace: "kubewarden", trusted }));
const server = {
  target: owner,
  owner,
  terminating: false,
  secretName: "policy-server-default",
  dnsName,
  leaf: {},
};
const leafSecret = (key: CertifiedKey = leaf) => stored(leafSecretFor(key, { namespace: "kubewarden", server }));
const policyServer = (caBundle?: string, trustedCaDigest?: string): KubeObject => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  metadata: { name: "default", uid: "u1", generation: 1 },
  status: { caBundle, trustedCaDigest },
});

test("observe: what was issued is read back as sound", async () => {
  const facts = await authorityFacts({ secret: authoritySecret(), servers: [policyServer(former.certificate)] });
  assert.is(facts.problem, undefined);
  assert.is(facts.bundle?.pem, authority.certificate);
  assert.equal(facts.secret, { uid: "s1", resourceVersion: "7", metadataInPlace: true });
  assert.equal(facts.published.map((bundle) => bundle.map(({ pem }) => pem)), [[former.certificate]]);
  const [current] = await readCertificates(authority.certificate);
  const read = await servingFacts(leafSecret(), { owner: "u1", dnsName, authorities: [current!] });
  assert.is(read.problem, undefined);
  assert.is(read.issuer?.fingerprint, current!.fingerprint);
  assert.is(read.secret?.metadataInPlace, true);
});

test("observe: the bundle names the present authority, then the former ones", async () => {
  const facts = await authorityFacts({ secret: authoritySecret(authority, former.certificate), servers: [] });
  assert.is(facts.bundle?.pem, authority.certificate + former.certificate);
  assert.match(facts.bundle!.digest, /^[0-9a-f]{64}$/);
});

test("observe: an authority on another curve, its key in another form, is adopted and signs", async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=somebody else's",
    notBefore: now,
    notAfter: new Date("2036-01-01T00:00:00Z"),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true), new SubjectKeyIdentifierExtension("0a0b0c0d")],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const foreign = {
    certificate: `${certificate.toString("pem")}\n`,
    privateKey: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
  const unlabelled = authoritySecret(foreign);
  delete unlabelled.metadata.labels;
  const facts = await authorityFacts({ secret: unlabelled, servers: [] });
  assert.is(facts.problem, undefined);
  assert.is(facts.secret?.metadataInPlace, false);
  const signed = await issueLeaf({ authority: foreign, dnsName, now });
  const read = await servingFacts(leafSecret(signed), { owner: "u1", dnsName, authorities: [facts.current!] });
  assert.is(read.issuer?.fingerprint, facts.current!.fingerprint);
  const [child, parent] = [new X509Certificate(signed.certificate), new X509Certificate(foreign.certificate)];
  assert.ok(child.checkIssued(parent), "OpenSSL compares names and key identifiers");
});

async function serverPass(observed: Promise<Observed | undefined>): Promise<ServerPass> {
  const pass = await observed;
  if (pass?.about !== "server") throw new Error("expected facts about a PolicyServer");
  return pass;
}

const edited = (secret: KubeObject, key: string, value: string | undefined): KubeObject => {
  const data: Record<string, string> = { ...secret.data as Record<string, string> };
  if (value === undefined) delete data[key];
  else data[key] = btoa(value);
  return { ...secret, data };
};
const rsaKey = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs1", format: "pem" });

const authorityProblems: [string, KubeObject, string][] = [
  ["no certificate", edited(authoritySecret(), "ca.crt", undefined), "ca.crt is missing"],
  ["no key", edited(authoritySecret(), "ca.key", undefined), "ca.key is missing"],
  ["a damaged certificate", edited(authoritySecret(), "ca.crt", "x"), "ca.crt is not the certificate of an authority"],
  ["a leaf instead", authoritySecret(leaf), "ca.crt is not the certificate of an authority"],
  ["another key", edited(authoritySecret(), "ca.key", former.privateKey), "ca.key is not the key of ca.crt"],
  ["a key that is not EC", edited(authoritySecret(), "ca.key", String(rsaKey)), "ca.key is not the key of ca.crt"],
];
for (const [what, secret, problem] of authorityProblems) {
  test(`observe: an authority with ${what} cannot sign`, async () => {
    const facts = await authorityFacts({ secret, servers: [] });
    assert.is(facts.problem, problem);
    assert.is(facts.bundle, undefined);
  });
}

const unannotated = leafSecret();
delete unannotated.metadata.annotations;
const leafProblems: [string, KubeObject, string][] = [
  ["no certificate", edited(leafSecret(), "tls.crt", undefined), "tls.crt is missing"],
  ["no key", edited(leafSecret(), "tls.key", ""), "tls.key is missing"],
  ["a damaged certificate", edited(leafSecret(), "tls.crt", "x"), "tls.crt holds no readable certificate"],
  [
    "a chain",
    edited(leafSecret(), "tls.crt", leaf.certificate + authority.certificate),
    "tls.crt holds more than one certificate",
  ],
  ["another key", edited(leafSecret(), "tls.key", authority.privateKey), "tls.key is not the key of tls.crt"],
  [
    "a key in another frame than EC PRIVATE KEY",
    edited(leafSecret(), "tls.key", leaf.privateKey.replaceAll("EC PRIVATE KEY", "PRIVATE KEY")),
    "tls.key is in another format",
  ],
  ["no format annotation", unannotated, "tls.key is in another format"],
];
for (const [what, secret, problem] of leafProblems) {
  test(`observe: a serving Secret with ${what} cannot serve`, async () => {
    assert.is((await servingFacts(secret, { owner: "u1", dnsName, authorities: [] })).problem, problem);
  });
}

test("observe: a certificate for another server cannot serve, nor is it ours without the owner", async () => {
  const read = await servingFacts(leafSecret(), {
    owner: "u2",
    dnsName: "policy-server-x.kubewarden.svc",
    authorities: [],
  });
  assert.is(read.problem, 'it is not for "policy-server-x.kubewarden.svc"');
  assert.is(read.secret?.metadataInPlace, false);
});

test("observe: what is damaged of one server does not touch another", async () => {
  const broken = policyServer("no certificate at all");
  broken.metadata = { ...broken.metadata, name: "broken", uid: "u2" };
  const secrets: Record<string, KubeObject> = {
    "kubewarden-ca": authoritySecret(),
    "policy-server-default": leafSecret(),
    "policy-server-broken": edited(edited(leafSecret(), "tls.crt", "x"), "tls.key", "x"),
  };
  const servers = [broken, policyServer(authority.certificate)];
  const observe = createObserver({
    namespace: "kubewarden",
    settleMs: 1000,
    now: () => now,
    servers: { list: () => servers, get: (name) => servers.find(({ metadata }) => metadata.name === name) },
    secrets: { list: () => Object.values(secrets), get: (name) => secrets[name] },
  });
  assert.is((await serverPass(observe("broken"))).server.leaf.problem, "tls.crt holds no readable certificate");
  const { authority: { problem }, server: { leaf } } = await serverPass(observe("default"));
  assert.equal([problem, leaf.problem], [undefined, undefined]);
});

test("observe: trust counts from when it was first seen, and anew for every bundle", async () => {
  let at = now;
  let servers: KubeObject[] = [policyServer()];
  const secrets = authoritySecret();
  const observe = createObserver({
    namespace: "kubewarden",
    settleMs: 1000,
    now: () => at,
    servers: { list: () => servers, get: () => servers[0] },
    secrets: { list: () => [secrets], get: (name) => name === "kubewarden-ca" ? secrets : undefined },
  });
  const trustedSince = async () => (await serverPass(observe("default"))).server.trustedSince;
  assert.is(await trustedSince(), undefined);
  const digest = (await observe("default"))!.authority.bundle!.digest;
  servers = [policyServer(authority.certificate, digest)];
  const first = at = new Date(now.getTime() + 1000);
  assert.equal(await trustedSince(), first);
  at = new Date(now.getTime() + 9000);
  assert.equal(await trustedSince(), first);
  servers = [policyServer(authority.certificate, "older")];
  assert.is(await trustedSince(), undefined);
  servers = [];
  assert.is(await observe("default"), undefined);
});

test.run();
