import { test } from "uvu";
import * as assert from "uvu/assert";
import { parsePoliciesFile } from "../../../contracts/policy-config.ts";
import { policiesAskingTheCluster } from "./asks-cluster.ts";

const resources = [{ apiVersion: "v1", kind: "Pod" }];
const cases: [string, Record<string, unknown>, boolean][] = [
  ["names kinds", { contextAwareResources: resources }, true],
  ["is granted a list", { hostCapabilities: ["kubernetes/list_resources_all"] }, true],
  ["is granted all that asks it", { hostCapabilities: [" kubernetes/* "] }, true],
  ["is granted everything", { hostCapabilities: ["*"] }, false],
  ["is granted something else", { hostCapabilities: ["oci/*", "net/v1/dns_lookup_host"] }, false],
  ["is granted what there is not", { hostCapabilities: ["kubernetes/everything"] }, false],
  ["has nothing", {}, false],
];
for (const [what, more, asks] of cases) {
  test(`asks the cluster: a policy that ${what} ${asks ? "is" : "is not"} meant to`, () => {
    const runnable = { module: "m", ...more };
    const group = { policies: { a: runnable, b: { module: "m" } }, expression: "a()", message: "m" };
    const file = parsePoliciesFile({ p: runnable, g: group });
    assert.equal(policiesAskingTheCluster(file), asks ? ["p", "g/a"] : []);
  });
}

test.run();
