import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "./errors.ts";
import { parseJson, stringifyJson } from "./json.ts";
import type { KubeObject } from "./kubernetes.ts";
import { isMutating, isNamespacedPolicy, isPolicyGroup, parsePolicy } from "./policy.ts";
import { parsePolicyServer, readinessProbePortOf, webhookPortOf } from "./policy-server.ts";

const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];

function object(kind: string, spec: unknown, more: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: "policies.kubewarden.io/v1", kind, metadata: { name: "n", uid: "u" }, spec, ...more };
}

test("policy: the defaults of the CRD are filled in", () => {
  const policy = parsePolicy(object("ClusterAdmissionPolicy", { module: "m", mutating: false, rules }));
  assert.equal(policy.spec, {
    module: "m",
    mutating: false,
    rules,
    backgroundAudit: true,
    mode: "protect",
    policyServer: "default",
    timeoutSeconds: 10,
  });
  assert.equal([isPolicyGroup(policy), isNamespacedPolicy(policy), isMutating(policy)], [false, false, false]);
});

test("policy: settings keep every digit at any depth, and null stays null", () => {
  const settings = '{"big":9007199254740993,"deep":[{"x":1.0}],"__proto__":{"y":1}}';
  const text = `{"module":"m","mutating":true,"rules":${stringifyJson(rules)},"settings":${settings}}`;
  const policy = parsePolicy(object("AdmissionPolicy", parseJson(text)));
  assert.is(stringifyJson((policy.spec as { settings: unknown }).settings), settings);
  const none = parsePolicy(object("AdmissionPolicy", { module: "m", mutating: true, rules, settings: null }));
  assert.is((none.spec as { settings: unknown }).settings, null);
});

test("policy: metadata and status come through", () => {
  const status = { policyStatus: "active", mode: "protect", servedBy: { policyServerUid: "u", configVersion: "v" } };
  const spec = {
    rules,
    expression: "a()",
    message: "no",
    policies: { a: { module: "m", contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }] } },
  };
  const policy = parsePolicy(object("ClusterAdmissionPolicyGroup", spec, { status }));
  assert.equal(policy.status, status);
  assert.is(policy.metadata.uid, "u");
  assert.ok(isPolicyGroup(policy));
  assert.equal(policy.spec.policies.a?.contextAwareResources, [{ apiVersion: "v1", kind: "Pod" }]);
});

test("policy: a namespaced member has no contextAwareResources", () => {
  const policies = { a: { module: "m", contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }] } };
  const policy = parsePolicy(object("AdmissionPolicyGroup", { rules, expression: "a()", message: "no", policies }));
  assert.equal(isPolicyGroup(policy) && policy.spec.policies.a, { module: "m" });
});

const unreadable: [string, KubeObject][] = [
  ["without spec", object("AdmissionPolicy", undefined)],
  ["of an unknown kind", object("Policy", { module: "m", mutating: false, rules })],
  ["of another version", {
    ...object("AdmissionPolicy", { module: "m", mutating: false, rules }),
    apiVersion: "policies.kubewarden.io/v1alpha2",
  }],
  ["with settings that are a list", object("AdmissionPolicy", { module: "m", mutating: false, rules, settings: [] })],
  ["without rules", object("AdmissionPolicy", { module: "m", mutating: false, rules: [] })],
];
for (const [what, unreadableObject] of unreadable) {
  test(`policy: one ${what} is refused with CUSTOM_RESOURCE_INVALID`, () => {
    assert.throws(
      () => parsePolicy(unreadableObject),
      (error: unknown) => error instanceof KubewardenError && error.code === "CUSTOM_RESOURCE_INVALID",
    );
  });
}

test("policy server: ports have defaults, and an empty capability list stays empty", () => {
  const server = parsePolicyServer(object("PolicyServer", { replicas: 1, namespacedPoliciesCapabilities: [] }));
  assert.equal([webhookPortOf(server), readinessProbePortOf(server)], [8443, 8081]);
  assert.equal(server.spec.namespacedPoliciesCapabilities, []);
});

test("policy server: Kubernetes' types pass through unchanged", () => {
  const spec = {
    replicas: 2,
    minAvailable: "50%",
    limits: { cpu: "500m", memory: 1024 },
    tolerations: [{ key: "k", operator: "Exists", tolerationSeconds: 5 }],
    env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }, { name: "B", value: "b" }],
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
    securityContexts: { pod: { runAsUser: 5, supplementalGroups: [1] }, container: { privileged: false } },
  };
  assert.equal(parsePolicyServer(object("PolicyServer", spec)).spec, spec);
});

test.run();
