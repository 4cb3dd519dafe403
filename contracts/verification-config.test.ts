import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "./errors.ts";
import { parseVerificationConfig } from "./verification-config.ts";

const key = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
const issuer = { kind: "genericIssuer", issuer: "https://i", subject: { equal: "a@b" } };
const action = { kind: "githubAction", owner: "kubewarden" };

test("verification.yml: every kind of requirement is read", () => {
  const config = parseVerificationConfig({
    apiVersion: "v1",
    allOf: [{ kind: "pubKey", owner: "me", key, annotations: { env: "prod" } }, issuer],
    anyOf: { signatures: [{ ...action, repo: null }, action] },
  });
  assert.equal(config, {
    allOf: [{ kind: "pubKey", owner: "me", key, annotations: { env: "prod" } }, issuer],
    anyOf: { minimumMatches: 1, signatures: [{ ...action, repo: undefined }, action] },
  });
});

const prefixes: [string, string][] = [
  ["https://github.com/kubewarden", "https://github.com/kubewarden/"],
  ["https://github.com/kubewarden/", "https://github.com/kubewarden/"],
  ["https://github.com", "https://github.com/"],
];
for (const [urlPrefix, expected] of prefixes) {
  test(`verification.yml: the prefix ${urlPrefix} ends with one slash (AT-111)`, () => {
    const { allOf } = parseVerificationConfig({ apiVersion: "v1", allOf: [{ ...issuer, subject: { urlPrefix } }] });
    assert.equal(allOf?.[0]?.kind === "genericIssuer" && allOf[0].subject, { urlPrefix: expected });
  });
}

const one = (requirement: unknown) => ({ apiVersion: "v1", allOf: [requirement] });
const refused: [string, unknown, RegExp][] = [
  ["nothing", null, /^Not a valid configuration file: expected object/],
  ["another version", { apiVersion: "v2", x: 1 }, /^Not a supported configuration version: v2$/],
  ["no version", { allOf: [action] }, /^Not a valid configuration file: missing field `apiVersion`$/],
  ["neither list", { apiVersion: "v1" }, /^config is missing signatures in both allOf and anyOff list$/],
  ["both null", { apiVersion: "v1", allOf: null, anyOf: null }, /^config is missing signatures in both/],
  ["an unknown field", { ...one(action), oneOf: [] }, /^Not a valid configuration file: unknown field `oneOf`$/],
  ["no subject (AT-111)", one({ kind: "genericIssuer", issuer: "i" }), /missing field `subject`$/],
  ["two subjects", one({ ...issuer, subject: { equal: "a", urlPrefix: "https://a" } }), /allOf\.0\.subject: expected/],
  ["a prefix that is no URL", one({ ...issuer, subject: { urlPrefix: "github.com/x" } }), /allOf\.0\.subject/],
  ["a key that is none", one({ kind: "pubKey", key: "MFkw" }), /allOf\.0\.key: expected a public key as PEM$/],
  ["a private key", one({ kind: "pubKey", key: key.replaceAll("PUBLIC", "PRIVATE") }), /expected a public key as PEM/],
  ["no owner", one({ kind: "githubAction" }), /allOf\.0: missing field `owner`$/],
  ["an empty owner", one({ kind: "githubAction", owner: "" }), /allOf\.0\.owner/],
  ["an unknown kind", one({ kind: "pubkey", key }), /allOf\.0\.kind: expected one of pubKey, genericIssuer/],
  ["no kind", one({ key }), /allOf\.0\.kind: expected one of pubKey, genericIssuer/],
  ["a misspelled field of a requirement", one({ ...action, repository: "r" }), /allOf\.0: unknown field `repository`$/],
  ["annotations that are no text", one({ ...action, annotations: { a: true } }), /allOf\.0\.annotations\.a/],
  ["an empty list", { apiVersion: "v1", allOf: [] }, /allOf: an empty list would require nothing$/],
  ["a minimum of 0", { apiVersion: "v1", anyOf: { minimumMatches: 0, signatures: [action] } }, /would require nothing/],
  ["a minimum of 256", { apiVersion: "v1", anyOf: { minimumMatches: 256, signatures: [action] } }, /minimumMatches/],
  ["a minimum out of reach", { apiVersion: "v1", anyOf: { minimumMatches: 2, signatures: [action] } }, /never match$/],
  ["everything wrong", { allOf: [{}], anyOf: 1, x: 1 }, /^Not a valid configuration file: 4 problems:\n/],
];
for (const [what, value, message] of refused) {
  test(`verification.yml: ${what} is refused`, () => {
    assert.throws(
      () => parseVerificationConfig(value),
      (error: unknown) =>
        error instanceof KubewardenError && error.code === "VERIFICATION_FILE_INVALID" && message.test(error.message),
    );
  });
}

test.run();
