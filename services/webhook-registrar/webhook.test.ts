import { test } from "uvu";
import * as assert from "uvu/assert";
import { annotations } from "../../contracts/names.ts";
import { parsePolicy } from "../../contracts/policy.ts";
import type { PolicyFacts } from "./facts.ts";
import { webhookFor } from "./desired-webhook.ts";
import { isOfFormerServer, isOfServer, isOwnedBy } from "./webhook.ts";

const apiVersion = "policies.kubewarden.io/v1";
const owner = { apiVersion: "v1", kind: "Namespace", name: "kubewarden", uid: "ns1" };
const server = { name: "default", uid: "ps1", terminating: false };
const serverUid = { "kubewarden-edge.io/policy-server-uid": "ps1" };
const rule = (apiGroups: string[], resources: string[]) => ({
  apiGroups,
  apiVersions: ["v1"],
  operations: ["CREATE", "UPDATE"],
  resources,
});
const podRule = rule([""], ["pods"]);

const factsOf = (kind: string, spec: object, namespace?: string): PolicyFacts => ({
  about: "policy",
  policy: parsePolicy({
    apiVersion,
    kind,
    metadata: { name: "psp", namespace },
    spec: {
      rules: [podRule],
      ...(kind.endsWith("Group")
        ? { expression: "a()", message: "no", policies: { a: { module: "file:///m.wasm" } } }
        : { module: "file:///m.wasm", mutating: false }),
      ...spec,
    },
  }),
  namespace: "kubewarden",
  owner,
  controllers: ["system:serviceaccount:kubewarden:certs", "system:serviceaccount:kubewarden:reconciler"],
  server,
  webhooks: {},
  taken: [],
});
const webhookOf = (facts: PolicyFacts, kind: "Validating" | "Mutating" = "Validating") =>
  webhookFor(facts, { kind: `${kind}WebhookConfiguration`, server, caBundle: "pem\n" });
const entryOf = (facts: PolicyFacts) => (webhookOf(facts).webhooks as Record<string, unknown>[])[0]!;

test("webhook: a plain cluster-wide policy, field by field", () => {
  assert.equal(webhookOf(factsOf("ClusterAdmissionPolicy", {}), "Mutating"), {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: {
      name: "clusterwide-psp",
      labels: { "app.kubernetes.io/part-of": "kubewarden" },
      annotations: { kubewardenPolicyName: "psp", kubewardenPolicyNamespace: "", ...serverUid },
      ownerReferences: [owner],
    },
    webhooks: [{
      name: "clusterwide-psp.kubewarden.admission",
      clientConfig: {
        service: {
          namespace: "kubewarden",
          name: "policy-server-default",
          path: "/validate/clusterwide-psp",
          port: 443,
        },
        caBundle: btoa("pem\n"),
      },
      rules: [{ ...podRule, scope: "*" }],
      failurePolicy: "Fail",
      matchPolicy: "Equivalent",
      objectSelector: {},
      namespaceSelector: {
        matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kubewarden"] }],
      },
      sideEffects: "None",
      timeoutSeconds: 10,
      admissionReviewVersions: ["v1"],
      reinvocationPolicy: "Never",
    }],
  });
});

test("webhook: everything that a policy says is taken over", () => {
  const entry = entryOf(factsOf("ClusterAdmissionPolicy", {
    failurePolicy: "Ignore",
    matchPolicy: "Exact",
    sideEffects: "NoneOnDryRun",
    timeoutSeconds: 3,
    objectSelector: { matchLabels: { a: "b" } },
    matchConditions: [{ name: "c", expression: "true" }],
    rules: [{ ...podRule, scope: "Cluster" }],
  }));
  assert.is(entry.failurePolicy, "Ignore");
  assert.is(entry.matchPolicy, "Exact");
  assert.is(entry.sideEffects, "NoneOnDryRun");
  assert.is(entry.timeoutSeconds, 3);
  assert.equal(entry.objectSelector, { matchLabels: { a: "b" } });
  assert.equal(entry.matchConditions, [{ name: "c", expression: "true" }]);
  assert.is((entry.rules as { scope: string }[])[0]!.scope, "Cluster");
});

test("webhook: the deployments namespace is added to the selector, matchLabels included", () => {
  const namespaceSelector = {
    matchLabels: { team: "a" },
    matchExpressions: [{ key: "env", operator: "In", values: ["prod"] }],
  };
  const elsewhere = { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kubewarden"] };
  assert.equal(entryOf(factsOf("ClusterAdmissionPolicyGroup", { namespaceSelector })).namespaceSelector, {
    matchLabels: { team: "a" },
    matchExpressions: [elsewhere, ...namespaceSelector.matchExpressions],
  });
  const inside = { namespaceSelector, allowInsideAdmissionControllerNamespace: true };
  assert.equal(entryOf(factsOf("ClusterAdmissionPolicy", inside)).namespaceSelector, namespaceSelector);
});

test("webhook: selectors of cluster-wide policies, with and without the deployments namespace", () => {
  const elsewhere = { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kubewarden"] };
  const exists = { key: "env", operator: "Exists" };
  const matchLabels = { team: "a" };
  const inside = { allowInsideAdmissionControllerNamespace: true };
  const cases: [object, object][] = [
    [{}, { matchExpressions: [elsewhere] }],
    [{ namespaceSelector: { matchExpressions: [exists] } }, { matchExpressions: [elsewhere, exists] }],
    [{ namespaceSelector: { matchLabels } }, { matchLabels, matchExpressions: [elsewhere] }],
    [{ namespaceSelector: { matchLabels }, ...inside }, { matchLabels }],
    // No selector: the API server's default, written out.
    [inside, {}],
  ];
  for (const kind of ["ClusterAdmissionPolicy", "ClusterAdmissionPolicyGroup"]) {
    for (const [spec, selector] of cases) assert.equal(entryOf(factsOf(kind, spec)).namespaceSelector, selector);
  }
});

test("webhook: rules and matchConditions are not second-guessed", () => {
  const spec = {
    rules: [rule([""], ["Pods"])],
    matchConditions: [{ name: "noop", expression: "true" }],
  };
  const entry = entryOf(factsOf("ClusterAdmissionPolicy", spec));
  assert.equal(entry.rules, [{ ...rule([""], ["Pods"]), scope: "*" }]);
  assert.equal(entry.matchConditions, spec.matchConditions);
});

test("webhook: a namespaced policy is about its namespace and nothing else", () => {
  for (const kind of ["AdmissionPolicy", "AdmissionPolicyGroup"]) {
    const facts = factsOf(kind, { rules: [{ ...podRule, scope: "*" }] }, "team-a");
    const entry = entryOf(facts);
    assert.equal(entry.namespaceSelector, { matchLabels: { "kubernetes.io/metadata.name": "team-a" } });
    assert.equal((entry.rules as { scope: string }[])[0]!.scope, "Namespaced");
    const { name, annotations } = webhookOf(facts).metadata;
    assert.is(name, kind === "AdmissionPolicy" ? "namespaced-team-a-psp" : "namespaced-group-team-a-psp");
    assert.equal(annotations, { kubewardenPolicyName: "psp", kubewardenPolicyNamespace: "team-a", ...serverUid });
  }
});

const leavesOut: [string, PolicyFacts, boolean][] = [
  ["pods", factsOf("ClusterAdmissionPolicy", {}), false],
  [
    "policy servers",
    factsOf("ClusterAdmissionPolicy", { rules: [rule(["policies.kubewarden.io"], ["policyservers"])] }),
    true,
  ],
  ["their status", factsOf("ClusterAdmissionPolicy", { rules: [rule(["*"], ["*/status"])] }), true],
  ["everything", factsOf("ClusterAdmissionPolicy", { rules: [rule(["*"], ["*"])] }), true],
  ["all resources of a foreign group", factsOf("ClusterAdmissionPolicy", { rules: [rule(["batch"], ["*/*"])] }), false],
  ["deployments elsewhere", factsOf("ClusterAdmissionPolicy", { rules: [rule(["apps"], ["deployments"])] }), false],
  [
    "deployments of the deployments namespace",
    factsOf("ClusterAdmissionPolicy", {
      rules: [rule(["apps"], ["deployments"])],
      allowInsideAdmissionControllerNamespace: true,
    }),
    true,
  ],
  [
    "config maps of another namespace",
    factsOf("AdmissionPolicy", { rules: [rule([""], ["configmaps"])] }, "team"),
    false,
  ],
  [
    "config maps of the deployments namespace",
    factsOf("AdmissionPolicy", { rules: [rule([""], ["configmaps"])] }, "kubewarden"),
    true,
  ],
  [
    "policies of another namespace",
    factsOf("AdmissionPolicy", { rules: [rule(["policies.kubewarden.io"], ["*"])] }, "team"),
    true,
  ],
];
for (const [what, facts, expected] of leavesOut) {
  test(`webhook: a policy on ${what} ${expected ? "leaves our controllers out" : "needs no exception"}`, () => {
    const conditions = entryOf(facts).matchConditions;
    assert.equal(
      conditions,
      expected
        ? [{
          name: "kubewarden.io/leave-controllers-out",
          expression: '!(request.userInfo.username in ["system:serviceaccount:kubewarden:certs",' +
            '"system:serviceaccount:kubewarden:reconciler"])',
        }]
        : undefined,
    );
  });
}

test("webhook: annotations tell whose it is when names collide", () => {
  const single = factsOf("ClusterAdmissionPolicy", {}).policy;
  const group = { ...single, metadata: { ...single.metadata, name: "group-psp" } };
  const webhook = webhookOf({ ...factsOf("ClusterAdmissionPolicyGroup", {}) });
  assert.is(webhook.metadata.name, "clusterwide-group-psp");
  assert.is(isOwnedBy(webhook, group), false);
  assert.is(isOwnedBy(webhook, single), true);
  assert.is(isOwnedBy({ ...webhook, metadata: { name: webhook.metadata.name } }, group), true);
});

const facts = factsOf("ClusterAdmissionPolicy", {
  matchConditions: [{ name: "c", expression: "true" }],
  namespaceSelector: { matchExpressions: [] },
});
const formerOwner = { apiVersion, kind: "PolicyServer", name: "default", uid: "ps1" };
type Metadata = ReturnType<typeof webhookOf>["metadata"];
const registeredFor: [string, Partial<Metadata>, isOf: boolean, isOfFormer: boolean][] = [
  ["says this server", { annotations: serverUid, ownerReferences: [owner] }, true, false],
  ["says another", { annotations: { [annotations.policyServerUid]: "ps0" }, ownerReferences: [owner] }, false, true],
  ["says nothing", { ownerReferences: [owner] }, false, false],
  ["came from a former release", { ownerReferences: [formerOwner] }, true, false],
  ["came from one, for another server", { ownerReferences: [{ ...formerOwner, uid: "ps0" }] }, false, true],
  ["came from upstream", {}, false, false],
];
for (const [what, metadata, isOf, isOfFormer] of registeredFor) {
  test(`webhook: one that ${what} is ${isOf ? "" : "not "}known to be of it${isOfFormer ? ", but of a former" : ""}`, () => {
    const webhook = { ...webhookOf(facts), metadata: { name: "clusterwide-psp", ...metadata } };
    assert.is(isOfServer(webhook, "ps1"), isOf);
    assert.is(isOfFormerServer(webhook, "ps1"), isOfFormer);
  });
}

test("webhook: without a Namespace nobody owns it", () => {
  assert.not.ok("ownerReferences" in webhookOf({ ...facts, owner: undefined }).metadata);
});

test.run();
