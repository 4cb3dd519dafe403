import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations, apiVersion } from "../../contracts/names.ts";
import { isInPlace } from "./drift.ts";
import { desired, factsOf, stored, V } from "./test-objects.ts";

const facts = factsOf({
  spec: { matchConditions: [{ name: "c", expression: "true" }], namespaceSelector: { matchExpressions: [] } },
});
const formerOwner = { apiVersion, kind: "PolicyServer", name: "default", uid: "ps1" };
type Entry = Record<string, unknown> & {
  clientConfig: { caBundle: string; service: { name: string; path: string } };
  matchConditions: object[];
  rules: object[];
};
const drifts: [string, (stored: KubeObject, entry: Entry) => void, boolean][] = [
  ["nothing", () => {}, true],
  ["a foreign label", ({ metadata }) => void (metadata.labels!.mine = "yes"), true],
  ["a foreign annotation", ({ metadata }) => void (metadata.annotations!.mine = "yes"), true],
  ["another policy's name", ({ metadata }) => void (metadata.annotations!.kubewardenPolicyName = "x"), false],
  ["the mark of a relaxed one", ({ metadata }) => void (metadata.annotations![annotations.relaxedSince] = "x"), false],
  ["another service", (_, entry) => void (entry.clientConfig.service.name = "x"), false],
  ["another path", (_, entry) => void (entry.clientConfig.service.path = "/"), false],
  ["its label taken away", ({ metadata }) => void (metadata.labels = {}), false],
  ["its annotations taken away", ({ metadata }) => void (delete metadata.annotations), false],
  ["its owner taken away", ({ metadata }) => void (metadata.ownerReferences = []), false],
  ["the owner of former releases", ({ metadata }) => void (metadata.ownerReferences = [formerOwner]), false],
  ["an owner more", ({ metadata }) => void (metadata.ownerReferences!.push(formerOwner)), false],
  ["another server's uid", ({ metadata }) => void (metadata.annotations![annotations.policyServerUid] = "x"), false],
  ["another failure policy", (_, entry) => void (entry.failurePolicy = "Ignore"), false],
  ["another bundle", (_, entry) => void (entry.clientConfig.caBundle = ""), false],
  ["an object selector", (_, entry) => void (entry.objectSelector = { matchLabels: { a: "b" } }), false],
  ["a rule less", (_, entry) => void (entry.rules.pop()), false],
  ["a condition more", (_, entry) => void (entry.matchConditions.push({ name: "d", expression: "false" })), false],
  ["a condition less", (_, entry) => void (entry.matchConditions.pop()), false],
  ["an entry more", ({ webhooks }) => void ((webhooks as object[]).push({ name: "x", clientConfig: {} })), false],
];
for (const [what, change, expected] of drifts) {
  test(`drift: a standing webhook with ${what} is ${expected ? "in place" : "not"}`, () => {
    const standing = stored(V, facts);
    change(standing, (standing.webhooks as Entry[])[0]!);
    assert.is(isInPlace(desired(V, facts), standing), expected);
  });
}

test.run();
