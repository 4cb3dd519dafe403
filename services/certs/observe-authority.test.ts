import { test } from "uvu";
import * as assert from "uvu/assert";
import { generateKeyPairSync } from "node:crypto";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { caSecretName } from "../../contracts/names.ts";
import { handMadeAuthority } from "../../test/hand-made-authority.ts";
import { authorityFacts } from "./observe-authority.ts";
import { servingFacts, trustedAuthorities } from "./observe-leaf.ts";
import { authoritySecretFor, type CertifiedKey, leafSecretFor, secretText } from "./secrets.ts";
import { issueAuthority, issueLeaf } from "./x509.ts";

const now = new Date("2026-05-04T03:02:01Z");
const namespace = "kubewarden";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsaKey = String(rsa.privateKey.export({ type: "pkcs1", format: "pem" }));
const root = await handMadeAuthority({ name: "root", keys: rsa, privateKey: rsaKey, now });
const intermediate = await handMadeAuthority({ name: "intermediate", issuer: root, now });
const former = await issueAuthority(now);

const secretOf = (name: string, texts: Record<string, string>): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace, uid: `uid of ${name}`, resourceVersion: "9" },
  data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)])),
});
/** As cert-manager writes the Secret of a Certificate. */
const issued = ({ certificate, privateKey }: CertifiedKey, ca = certificate) =>
  secretOf("issued", { "tls.crt": certificate, "tls.key": privateKey, "ca.crt": ca });
const provided = (secret: KubeObject | undefined) => ({ name: "issued", secret });
const server = (caBundle: string, more: object = {}): KubeObject => ({
  apiVersion: "policies.kubewarden.io/v1",
  kind: "PolicyServer",
  metadata: { name: "default", uid: "u1", ...more },
  status: { caBundle },
});
const pems = (list: readonly { pem: string }[]) => list.map(({ pem }) => pem);

test("observe: cert-manager's Secret of a self-signed authority signs, and nothing of it stands in kubewarden-ca yet", async () => {
  const facts = await authorityFacts({ secret: undefined, provided: provided(issued(root)), servers: [] });
  assert.is(facts.problem, undefined);
  assert.is(facts.current?.pem, root.certificate);
  assert.equal(facts.chain, []);
  assert.equal(facts.provided, { secretName: "issued", resourceVersion: "9", elsewhere: true });
  assert.equal([facts.listed, facts.isListed], [[], false]);
});

test("observe: the copy in kubewarden-ca is up to date when it names the same certificates", async () => {
  const copied = authoritySecretFor({ certificate: root.certificate, privateKey: undefined }, {
    namespace,
    trusted: former.certificate,
  });
  assert.is(secretText(copied, "ca.key"), undefined);
  const facts = await authorityFacts({ secret: copied, provided: provided(issued(root)), servers: [] });
  assert.is(facts.isListed, true);
  assert.is(secretText(copied, "ca.crt"), root.certificate + former.certificate);
  assert.equal(pems(facts.old), [former.certificate]);
  const behind = await authorityFacts({ secret: copied, provided: provided(issued(former)), servers: [] });
  assert.equal(pems(behind.listed), [root.certificate, former.certificate]);
  assert.is(behind.isListed, false);
});

test("observe: a certificate in ca.crt that is neither above the authority nor a former one is trusted by nobody", async () => {
  const secret = secretOf(caSecretName, {
    "ca.crt": root.certificate + former.certificate,
    "ca.key": root.privateKey,
  });
  const facts = await authorityFacts({ secret, servers: [] });
  assert.equal([facts.bundle?.pem, facts.chain, facts.isListed], [root.certificate, [], false]);
  const taken = secretOf(caSecretName, {
    "ca.crt": root.certificate,
    "ca.key": root.privateKey,
    "old-ca.crt": former.certificate,
  });
  assert.is((await authorityFacts({ secret: taken, servers: [] })).isListed, true, "as Helm and upstream leave it");
});

test("observe: an intermediate authority signs, and the bundle leads up to its root", async () => {
  for (
    const secret of [
      issued(intermediate, root.certificate),
      issued({ ...intermediate, certificate: intermediate.certificate + root.certificate }),
    ]
  ) {
    const facts = await authorityFacts({ secret: undefined, provided: provided(secret), servers: [] });
    assert.is(facts.problem, undefined);
    assert.is(facts.current?.pem, intermediate.certificate);
    assert.equal(pems(facts.chain), [root.certificate]);
    assert.is(facts.bundle?.pem, intermediate.certificate + root.certificate);
  }
  const inPlace = secretOf(caSecretName, {
    "ca.crt": intermediate.certificate + root.certificate,
    "ca.key": intermediate.privateKey,
    "old-ca.crt": root.certificate + former.certificate,
  });
  const facts = await authorityFacts({ secret: inPlace, servers: [] });
  assert.is(facts.bundle?.pem, intermediate.certificate + root.certificate + former.certificate);
  const leaf = await issueLeaf({ authority: intermediate, dnsName: "a.b.svc", now });
  const stored = leafSecretFor(leaf, {
    namespace,
    server: {
      target: { apiVersion: "v1", kind: "PolicyServer", name: "default", uid: "u1" },
      owner: { apiVersion: "v1", kind: "PolicyServer", name: "default", uid: "u1" },
      terminating: false,
      secretName: "policy-server-default",
      dnsName: "a.b.svc",
      leaf: {},
    },
  });
  const read = await servingFacts(stored, { owner: "u1", dnsName: "a.b.svc", authorities: trustedAuthorities(facts) });
  assert.is(read.issuer?.fingerprint, facts.current?.fingerprint);
});

test("observe: a Secret that provides half an authority is a problem in words, and its key is in none of them", async () => {
  const cases: [KubeObject, string][] = [
    [
      secretOf("issued", { "tls.crt": root.certificate, "tls.key": former.privateKey }),
      "tls.key is not the key of tls.crt",
    ],
    [secretOf("issued", { "tls.key": root.privateKey }), "tls.crt is missing"],
    [secretOf("issued", { "tls.crt": root.certificate }), "ca.crt is missing"],
    [secretOf("issued", { "ca.crt": root.certificate }), "ca.key is missing"],
    [
      secretOf("issued", { "tls.crt": "x", "tls.key": root.privateKey }),
      "tls.crt is not the certificate of an authority",
    ],
  ];
  for (const [secret, problem] of cases) {
    const facts = await authorityFacts({ secret: undefined, provided: provided(secret), servers: [] });
    assert.is(facts.problem, problem);
    assert.is(facts.bundle, undefined);
    assert.not.match(JSON.stringify(facts), /PRIVATE KEY/);
  }
});

test("observe: an authority that lost its key still vouches for what it signed", async () => {
  const lost = secretOf(caSecretName, { "ca.crt": root.certificate });
  const facts = await authorityFacts({ secret: lost, provided: { name: caSecretName, secret: lost }, servers: [] });
  assert.equal([facts.problem, facts.provided?.elsewhere], ["ca.key is missing", false]);
  assert.equal(pems(trustedAuthorities(facts)), [root.certificate]);
});

test("observe: while others provide nothing, the copy vouches for what was signed", async () => {
  const copied = authoritySecretFor({ certificate: root.certificate, privateKey: undefined }, {
    namespace,
    trusted: former.certificate,
  });
  const facts = await authorityFacts({ secret: copied, provided: provided(undefined), servers: [] });
  assert.equal([facts.current, facts.bundle], [undefined, undefined]);
  assert.equal(new Set(pems(trustedAuthorities(facts))), new Set([root.certificate, former.certificate]));
});

test("observe: the bundle of a PolicyServer that is going away says nothing about the others", async () => {
  const current = authoritySecretFor(root, { namespace, trusted: "" });
  const going = server(former.certificate, { deletionTimestamp: "2026-05-04T00:00:00Z" });
  const facts = await authorityFacts({ secret: current, servers: [server(root.certificate), going] });
  assert.equal(facts.published.map(pems), [[root.certificate]]);
});

test.run();
