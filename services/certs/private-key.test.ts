import { test } from "uvu";
import * as assert from "uvu/assert";
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { handMadeAuthority } from "../../test/hand-made-authority.ts";
import { importPrivateKey } from "./private-key.ts";
import { isKeyOf, isSignedBy, issueLeaf } from "./x509.ts";

const now = new Date("2026-05-04T03:02:01Z");
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");

const pem = (key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1") => String(key.export({ type, format: "pem" }));
const cases: [string, { privateKey: KeyObject; publicKey: KeyObject }, "pkcs8" | "pkcs1" | "sec1", string][] = [
  ["an EC key as Go and Helm write it", ec, "sec1", "ECDSA"],
  ["an EC key in PKCS #8", ec, "pkcs8", "ECDSA"],
  ["an EC key on P-384", p384, "sec1", "ECDSA"],
  ["an EC key on P-521", p521, "sec1", "ECDSA"],
  ["an RSA key as cert-manager writes it", rsa, "pkcs1", "RSASSA-PKCS1-v1_5"],
  ["an RSA key in PKCS #8", rsa, "pkcs8", "RSASSA-PKCS1-v1_5"],
  ["an Ed25519 key", ed25519, "pkcs8", "Ed25519"],
];
for (const [what, pair, type, algorithm] of cases) {
  test(`private key: ${what} signs`, async () => {
    const text = pem(pair.privateKey, type);
    assert.is((await importPrivateKey(text)).algorithm.name, algorithm);
    const authority = await handMadeAuthority({ keys: pair, privateKey: text, now });
    assert.is(await isKeyOf(text, authority.certificate), true);
    const leaf = await issueLeaf({ authority, dnsName: "policy-server-default.kubewarden.svc", now });
    assert.is(await isSignedBy(leaf.certificate, authority.certificate), true);
    // OpenSSL's opinion.
    const [child, parent] = [new X509Certificate(leaf.certificate), new X509Certificate(authority.certificate)];
    assert.ok(child.checkIssued(parent));
    // Which Deno does not have for that curve.
    if (pair !== p521) assert.ok(child.verify(parent.publicKey));
  });
}

test("private key: whatever cannot sign is refused, and the words do not quote it", async () => {
  const encrypted = String(
    ec.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }),
  );
  const x25519 = pem(generateKeyPairSync("x25519").privateKey, "pkcs8");
  const cut = pem(rsa.privateKey, "pkcs8").replace(/\n[^-]{200}/, "\n");
  for (const text of ["", "no key", encrypted, x25519, cut, pem(ec.privateKey, "sec1").replace("EC ", "DSA ")]) {
    const message = await importPrivateKey(text).then(() => "accepted", (error: Error) => error.message);
    assert.is.not(message, "accepted");
    for (const line of text.split("\n").filter((each) => each.length > 8 && !each.startsWith("-"))) {
      assert.not.ok(message.includes(line));
    }
  }
});

test.run();
