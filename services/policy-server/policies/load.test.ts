import { test } from "uvu";
import * as assert from "uvu/assert";
import { isCapabilityGranted } from "../../../contracts/capabilities.ts";
import { parseJson } from "../../../contracts/json.ts";
import { parsePolicy } from "../../../contracts/policy.ts";
import { parsePoliciesFile } from "../../../contracts/policy-config.ts";
import { policiesFileFor } from "../../../contracts/policy-config-writer.ts";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import { emptyModule } from "../testing/runnable.ts";
import { loadPolicies } from "./load.ts";

const pod = { apiVersion: "v1", kind: "Pod" };
const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];

/** The only member of a group, from its custom resource by way of policies.yml to what is run. */
async function memberOf(kind: "ClusterAdmissionPolicyGroup" | "AdmissionPolicyGroup", server = {}) {
  const member = {
    module: "registry://r/p:v1",
    settings: { a: 1 },
    timeoutEvalSeconds: 15,
    ...kind === "ClusterAdmissionPolicyGroup" && { contextAwareResources: [pod] },
  };
  const spec = { rules, expression: "m()", message: "no", policies: { m: member } };
  const metadata = { name: "g", ...kind === "AdmissionPolicyGroup" && { namespace: "ns" } };
  const policy = parsePolicy({ apiVersion: "policies.kubewarden.io/v1", kind, metadata, spec });
  const file = parsePoliciesFile(parseJson(policiesFileFor([policy], server)));
  const catalogue = await loadPolicies(file, {
    loadModule: () => Promise.resolve({ digest: "d", mode: "kubewarden-wapc", module: emptyModule }),
    run: () => Promise.resolve({ kind: "settings", answer: { valid: true } }),
    defaultTimeoutMs: 2000,
    log: silentLog,
    signal: new AbortController().signal,
  });
  const [group] = catalogue.values();
  assert.ok(group?.kind === "group");
  const [loaded] = group.members.values();
  assert.ok(loaded);
  return loaded;
}

test("AT-088: members of groups keep their settings, context and limit; those of a namespace see no context", async () => {
  const member = await memberOf("ClusterAdmissionPolicyGroup");
  assert.equal([member.settings, member.timeoutMs, member.contextAwareResources], ['{"a":1}', 15_000, [pod]]);
  const namespaced = await memberOf("AdmissionPolicyGroup", { namespacedPoliciesCapabilities: [] });
  assert.equal([namespaced.settings, namespaced.timeoutMs], ['{"a":1}', 15_000]);
  assert.equal(namespaced.contextAwareResources, []);
  assert.is(isCapabilityGranted(namespaced.capabilities, "oci/v1/verify"), false);
});

test.run();
