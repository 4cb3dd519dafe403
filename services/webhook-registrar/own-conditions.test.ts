import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AdmissionAttributes } from "../../local-cluster/admission/admission.ts";
import { conditionsHold } from "../../local-cluster/admission/match-conditions.ts";
import { ownConditions, ownPodsCondition } from "./own-conditions.ts";
import { factsOf, policyOf } from "./test-objects.ts";

const rule = (apiGroup: string, resource: string) => ({
  rules: [{ apiGroups: [apiGroup], apiVersions: ["*"], operations: ["*"], resources: [resource] }],
});
const inside = { allowInsideAdmissionControllerNamespace: true };
const namesFor = (spec: object, kind?: string, namespace?: string) => {
  const facts = factsOf({ spec, metadata: namespace ? { namespace } : {} });
  return ownConditions({
    ...facts,
    policy: { ...facts.policy, kind: kind ?? facts.policy.kind } as typeof facts.policy,
  })
    .map(({ name }) => name);
};

const cases: [string, string[], boolean][] = [
  ["pods everywhere but the deployments namespace", namesFor(rule("", "pods")), false],
  ["pods of the deployments namespace too", namesFor({ ...rule("", "pods"), ...inside }), true],
  ["pods of the deployments namespace alone", namesFor(rule("", "pods"), "AdmissionPolicy", "kubewarden"), true],
  ["pods of another namespace", namesFor(rule("", "pods"), "AdmissionPolicy", "team"), false],
  ["bindings of pods there", namesFor({ ...rule("", "pods/binding"), ...inside }), true],
  ["ReplicaSets there", namesFor({ ...rule("apps", "replicasets"), ...inside }), true],
  ["EndpointSlices there", namesFor({ ...rule("discovery.k8s.io", "*"), ...inside }), true],
  ["everything there", namesFor({ ...rule("*", "*/*"), ...inside }), true],
  ["Ingresses there", namesFor({ ...rule("networking.k8s.io", "ingresses"), ...inside }), false],
  ["a resource that only looks like pods", namesFor({ ...rule("", "Pods"), ...inside }), false],
];
for (const [what, names, expected] of cases) {
  test(`own pods: a policy on ${what} ${expected ? "leaves them out" : "needs no exception"}`, () => {
    assert.is(names.includes(ownPodsCondition), expected);
  });
}

const ours = { "app.kubernetes.io/part-of": "kubewarden" };
type Asked = { object?: object; oldObject?: object; user?: string; groups?: string[]; namespace?: string };
/** Whether the API server asks a policy on everything, by the CEL of the local cluster. */
const isAsked = ({ object, oldObject, user = "someone", groups = [], namespace = "kubewarden" }: Asked) =>
  conditionsHold(
    {
      matchConditions: ownConditions(factsOf({ spec: { ...rule("", "pods"), ...inside } })),
      failurePolicy: "Fail",
    } as unknown as Parameters<typeof conditionsHold>[0],
    {
      operation: "CREATE",
      type: { group: "", version: "v1", kind: "Pod", plural: "pods" },
      name: "x",
      namespace,
      object,
      oldObject,
      user: { username: user, groups },
    } as unknown as AdmissionAttributes,
  );
const pod = (labels?: object) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "x", ...(labels ? { labels } : {}) },
});

const requests: [string, Asked, boolean][] = [
  ["a pod of somebody else", { object: pod({ app: "x" }) }, true],
  ["a pod without labels", { object: pod() }, true],
  ["a pod of ours, whoever creates it", { object: pod(ours) }, false],
  ["the deletion of one", { oldObject: pod(ours) }, false],
  ["a pod of another product", { object: pod({ "app.kubernetes.io/part-of": "shop" }) }, true],
  ["a pod with our label elsewhere", { object: pod(ours), namespace: "team" }, true],
  ["a binding by the scheduler", {
    object: { kind: "Binding", metadata: { name: "x" } },
    user: "system:kube-scheduler",
  }, false],
  ["a token that a kubelet asks for", { object: { kind: "TokenRequest" }, groups: ["system:nodes"] }, false],
  ["a binding by somebody else", { object: { kind: "Binding", metadata: { name: "x" } } }, true],
  ["options without metadata", { object: { kind: "PodExecOptions" } }, true],
];
for (const [what, asked, expected] of requests) {
  test(`own pods: ${what} is ${expected ? "judged" : "let through"}`, () => {
    assert.is(isAsked(asked), expected);
  });
}

test("own pods: a policy without rules there keeps its matchConditions alone", () => {
  assert.equal(ownConditions({ ...factsOf(), policy: policyOf() }), []);
});

test.run();
