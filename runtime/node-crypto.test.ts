import crypto, { generateKeyPairSync, sign } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { completeNodeCrypto } from "./node-crypto.ts";

completeNodeCrypto();
completeNodeCrypto();
const [message, other] = [new TextEncoder().encode("message"), new TextEncoder().encode("another")];

test("node crypto: without a digest, SHA-256 is meant for EC and RSA keys", () => {
  const pairs = [
    generateKeyPairSync("ec", { namedCurve: "P-256" }),
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ];
  for (const { privateKey, publicKey } of pairs) {
    const signature = sign("sha256", message, privateKey);
    assert.ok(crypto.verify(undefined, message, publicKey, signature));
    assert.ok(crypto.verify(null, message, publicKey, signature));
    assert.not.ok(crypto.verify(undefined, other, publicKey, signature));
    const longer = sign("sha384", message, privateKey);
    assert.not.ok(crypto.verify(undefined, message, publicKey, longer));
    assert.ok(crypto.verify("sha384", message, publicKey, longer));
  }
});

test("node crypto: Ed25519 keys need no digest", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signature = sign(null, message, privateKey);
  assert.ok(crypto.verify(undefined, message, publicKey, signature));
  assert.not.ok(crypto.verify(undefined, other, publicKey, signature));
});

test.run();
