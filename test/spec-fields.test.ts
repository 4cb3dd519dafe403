// Every field of every custom resource has an effect, and it is the one that docs/compatibility.md tells.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { crds } from "../contracts/crds.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { type PolicyKind, policyKinds } from "../contracts/names.ts";
import { isMutating, parsePolicy } from "../contracts/policy.ts";
import { policyServerOf } from "../services/reconciler/configuration.ts";
import { planFor } from "../services/reconciler/plan.ts";
import { observed, policy, policyServer, settings } from "../services/reconciler/test-objects.ts";
import { webhookFor } from "../services/webhook-registrar/desired-webhook.ts";

type Row = [field: string, value: unknown, place: string];

const serverRows: Row[] = [
  ["affinity", { nodeAffinity: {} }, "the Deployment"],
  ["annotations", { a: "b" }, "the Deployment"],
  ["env", [{ name: "A", value: "b" }], "the Deployment"],
  ["image", "other:1", "the Deployment"],
  ["imagePullSecret", "s", "the Deployment"],
  ["insecureSources", ["host:5000"], "sources.yml, the Deployment"],
  ["labels", { a: "b" }, "the Deployment"],
  ["limits", { cpu: "1" }, "the Deployment"],
  ["maxUnavailable", 1, "the PodDisruptionBudget"],
  ["metricsPort", 9090, "the Service"],
  ["minAvailable", 1, "the PodDisruptionBudget"],
  ["namespacedPoliciesCapabilities", [], "policies.yml"],
  ["priorityClassName", "p", "the Deployment"],
  ["readinessProbePort", 9081, "the Service, the Deployment"],
  ["replicas", 2, "the Deployment"],
  ["requests", { cpu: "1" }, "the Deployment"],
  ["securityContexts.container", { runAsUser: 5 }, "the Deployment"],
  ["securityContexts.pod", { fsGroup: 5 }, "the Deployment"],
  ["serviceAccountName", "s", "the Deployment"],
  ["sigstoreTrustConfig", "c", "the Deployment"],
  ["sourceAuthorities", { "host:5000": ["PEM"] }, "sources.yml, the Deployment"],
  ["tolerations", [{ operator: "Exists" }], "the Deployment"],
  ["verificationConfig", "c", "the Deployment"],
  ["webhookPort", 9443, "the Service, the Deployment"],
];

const rules = [{ apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["UPDATE"] }];
const sharedRows: Row[] = [
  ["backgroundAudit", false, "no object, for audits only"],
  ["failurePolicy", "Ignore", "the webhook"],
  ["matchConditions", [{ name: "n", expression: "true" }], "the webhook"],
  ["matchPolicy", "Exact", "the webhook"],
  ["mode", "monitor", "policies.yml"],
  ["objectSelector", { matchLabels: { a: "b" } }, "the webhook"],
  ["policyServer", "other", "policies.yml, the webhook"],
  ["rules", rules, "the webhook"],
  ["sideEffects", "NoneOnDryRun", "the webhook"],
  ["timeoutSeconds", 20, "the webhook"],
];
const clusterRows: Row[] = [
  ["allowInsideAdmissionControllerNamespace", true, "the webhook"],
  ["namespaceSelector", { matchLabels: { a: "b" } }, "the webhook"],
];
const contextRows: Row[] = [["contextAwareResources", [{ apiVersion: "v1", kind: "Pod" }], "policies.yml"]];
const singleRows: Row[] = [
  ["module", "registry://other/p:v1", "policies.yml"],
  ["settings", { a: 1 }, "policies.yml"],
  ["timeoutEvalSeconds", 5, "policies.yml"],
  ["message", "other", "policies.yml"],
  ["mutating", true, "policies.yml, the webhook"],
];
const groupRows: Row[] = [
  ["expression", "!m1()", "policies.yml"],
  ["message", "other", "policies.yml"],
  ["policies.m1.module", "registry://other/p:v1", "policies.yml"],
  ["policies.m1.settings", { a: 1 }, "policies.yml"],
  ["policies.m1.timeoutEvalSeconds", 5, "policies.yml"],
];
const contextMemberRows: Row[] = [
  ["policies.m1.contextAwareResources", [{ apiVersion: "v1", kind: "Pod" }], "policies.yml"],
];

const rowsOf: Record<string, Row[]> = {
  "PolicyServer": serverRows,
  "AdmissionPolicy": [...sharedRows, ...singleRows],
  "ClusterAdmissionPolicy": [...sharedRows, ...clusterRows, ...contextRows, ...singleRows],
  "AdmissionPolicyGroup": [...sharedRows, ...groupRows],
  "ClusterAdmissionPolicyGroup": [...sharedRows, ...clusterRows, ...groupRows, ...contextMemberRows],
};

type Parts = Record<string, unknown>;

/** What the reconciler writes for a PolicyServer `default` and policies that may be bound to it. */
function writtenFor(spec: object, policies: KubeObject[]): Parts {
  const facts = observed({
    server: policyServer(spec) as KubeObject,
    policies: policies.filter((each) => policyServerOf(each) === "default"),
    settings: { ...settings, telemetry: { ...settings.telemetry, metrics: true } },
  });
  // Each version is the same, so that only files that differ do.
  const { apply } = planFor(facts, () => "0".repeat(64));
  const files = apply.find(({ kind }) => kind === "ConfigMap")?.data as Record<string, string>;
  const byKind = Object.fromEntries(apply.map((object) => [`the ${object.kind}`, object]));
  const { "the ConfigMap": _, ...others } = byKind;
  return { "policies.yml": files["policies.yml"], "sources.yml": files["sources.yml"], ...others };
}

/** The same, and the webhook, for a policy. */
function writtenForPolicy(object: KubeObject): Parts {
  const parsed = parsePolicy(object);
  const { policyServer: name } = parsed.spec;
  const server = { name, uid: name, terminating: false };
  const facts = { about: "policy", policy: parsed, namespace: "kubewarden", controllers: [], server } as const;
  const kind = isMutating(parsed) ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
  const webhook = webhookFor({ ...facts, webhooks: {}, taken: [] }, { kind, server, caBundle: "PEM" });
  return { ...writtenFor({}, [object]), "the webhook": webhook };
}

function differences(before: Parts, after: Parts): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return changed.join(", ") || "no object, for audits only";
}

/** A spec in which one field, named by its path, has another value. */
function withField(spec: object, path: string, value: unknown): object {
  const copy = structuredClone(spec) as Record<string, unknown>;
  const names = path.split("."), last = names.pop()!;
  let at = copy;
  for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>;
  at[last] = value;
  return copy;
}

for (const [kind, rows] of Object.entries(rowsOf)) {
  for (const [field, value, place] of rows) {
    test(`fields: ${kind} ${field} lands in ${place}`, () => {
      if (kind === "PolicyServer") {
        const policies = [policy("AdmissionPolicy", "p")];
        assert.is(differences(writtenFor({}, policies), writtenFor(withField({}, field, value), policies)), place);
      } else {
        const plain = policy(kind as PolicyKind, "p");
        const changed = { ...plain, spec: withField(plain.spec as object, field, value) };
        assert.is(differences(writtenForPolicy(plain), writtenForPolicy(changed)), place);
      }
    });
  }
}

type Schema = { properties?: Record<string, Schema>; additionalProperties?: Schema };

test("fields: every field of every kind has its row, and no other", () => {
  const specs = Object.values(crds()).map((crd) => {
    const { names, versions } = crd.spec as {
      names: { kind: string };
      versions: { schema: { openAPIV3Schema: Schema } }[];
    };
    return [names.kind, versions[0]!.schema.openAPIV3Schema.properties!.spec!] as const;
  });
  assert.is(specs.length, Object.keys(policyKinds).length + 1);
  for (const [kind, spec] of specs) {
    const nested: Record<string, string> = { securityContexts: "securityContexts.", policies: "policies.m1." };
    const fields = Object.entries(spec.properties!).flatMap(([name, schema]) => {
      const prefix = nested[name];
      const inner = (schema.additionalProperties ?? schema).properties ?? {};
      return prefix === undefined ? [name] : Object.keys(inner).map((each) => prefix + each);
    });
    assert.equal(rowsOf[kind]!.map(([field]) => field).sort(), fields.sort(), kind);
  }
});

test.run();
