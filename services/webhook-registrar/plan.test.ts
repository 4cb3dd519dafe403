import { test } from "uvu";
import * as assert from "uvu/assert";
import { nothingToDo, type Plan } from "../../runtime/control/plan.ts";
import type { PolicyFacts, ServerFacts } from "./facts.ts";
import { planRegistration, statusAfterFailure } from "./plan.ts";
import { collided, desired, factsOf, M, owner, reachable, rollingOut, server, stored, V } from "./test-objects.ts";

/** The essence of a plan, for tables. */
const essence = (plan: Plan) => ({
  apply: plan.apply.map(({ kind }) => kind),
  remove: plan.remove.map(({ kind, name }) => `${kind} ${name}`),
  finalizers: plan.finalizers.map(({ change, finalizer }) => `${change} ${finalizer}`),
  status: plan.status.map(({ conditions: [active], fields }) =>
    `${fields?.policyStatus} ${active?.status} ${active?.reason}`
  )
    .join(),
});
const narrow = { apiGroups: [""], apiVersions: ["v1"], operations: ["DELETE"], resources: ["pods"] };
const nothing = { apply: [], remove: [], finalizers: [] };
const both = [`${V} clusterwide-psp`, `${M} clusterwide-psp`];
const drop = ["drop kubewarden.io/finalizer"];

const target = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "ps1" };

const cases: [string, PolicyFacts, object][] = [
  [
    "a policy that is served gets its webhook, after its finalizer",
    factsOf({ status: reachable(2), metadata: { finalizers: undefined } }),
    { ...nothing, apply: [V], finalizers: ["add kubewarden.io/finalizer"], status: "active True PolicyActive" },
  ],
  [
    "a mutating policy gets a mutating one",
    factsOf({ status: reachable(2), mutating: true }),
    { ...nothing, apply: [M], status: "active True PolicyActive" },
  ],
  ["nothing is written before the policy is served", factsOf(), {
    ...nothing,
    status: "scheduled False WaitingForPolicyServer",
  }],
  [
    "a policy that is configured, not yet served, is pending",
    factsOf({ status: { ...rollingOut, policyStatus: "scheduled" } }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "a verdict about an older generation does not count",
    factsOf({ status: reachable(1) }),
    { ...nothing, status: "scheduled False WaitingForPolicyServer" },
  ],
  [
    "a verdict about a former server of that name does not count",
    factsOf({ status: reachable(2, "ps0") }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "without a bundle nothing is registered",
    factsOf({ status: reachable(2) }, { server: { ...server, caBundle: undefined } }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "a webhook in place is left alone",
    factsOf({ status: reachable(2) }, { webhooks: { [V]: stored(V) } }),
    { ...nothing, status: "active True PolicyActive" },
  ],
  [
    "a later rollout leaves webhook and status alone",
    factsOf({ status: rollingOut }, { webhooks: { [V]: stored(V) } }),
    { ...nothing, status: "active True PolicyActive" },
  ],
  [
    "a webhook removed by hand comes back at once while the policy is served",
    factsOf({ status: { ...reachable(2), policyStatus: "active" } }),
    { ...nothing, apply: [V], status: "active True PolicyActive" },
  ],
  [
    "one removed while this generation rolls out waits until every pod serves it",
    factsOf({ status: rollingOut }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "one emptied by hand while this generation rolls out counts as removed",
    factsOf({ status: rollingOut }, { webhooks: { [V]: { ...stored(V), webhooks: [] } } }),
    { ...nothing, remove: [both[0]], status: "pending False WaitingForPolicyServer" },
  ],
  [
    "active in the days of a former server is no reason to register",
    factsOf({ status: { ...reachable(2, "ps0"), policyStatus: "active" } }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "a new bundle does not wait for the gate",
    factsOf({ status: rollingOut }, { webhooks: { [V]: stored(V, factsOf(), "old\n") } }),
    { ...nothing, apply: [V], status: "active True PolicyActive" },
  ],
  [
    "an edit does not wait for the gate",
    factsOf({ status: rollingOut, spec: { failurePolicy: "Ignore" } }, { webhooks: { [V]: stored(V) } }),
    { ...nothing, apply: [V], status: "active True PolicyActive" },
  ],
  [
    "narrowed rules do not wait for it either",
    factsOf({ status: reachable(2), spec: { rules: [narrow] } }, { webhooks: { [V]: stored(V) } }),
    { ...nothing, apply: [V], status: "active True PolicyActive" },
  ],
  [
    "a policy that becomes mutating changes its kind at once",
    factsOf({ status: rollingOut, mutating: true }, { webhooks: { [V]: stored(V) } }),
    { ...nothing, apply: [M], remove: [`${V} clusterwide-psp`], status: "active True PolicyActive" },
  ],
  [
    "a policy that ceases to mutate keeps its kind while it rolls out",
    factsOf({ status: rollingOut }, { webhooks: { [M]: stored(M) } }),
    { ...nothing, status: "active True PolicyActive" },
  ],
  [
    "and changes it once every pod has ceased",
    factsOf({ status: reachable(2) }, { webhooks: { [M]: stored(M) } }),
    { ...nothing, apply: [V], remove: [`${M} clusterwide-psp`], status: "active True PolicyActive" },
  ],
  [
    "where both kinds are seen, the one that stays is written before the other goes, whatever a cache shows of it",
    factsOf({ status: rollingOut, mutating: true }, {
      webhooks: { [V]: stored(V), [M]: stored(M, factsOf({ status: rollingOut, mutating: true })) },
    }),
    { ...nothing, apply: [M], remove: [`${V} clusterwide-psp`], status: "active True PolicyActive" },
  ],
  [
    "an edit that is not valid leaves the rules of the last valid generation in force",
    factsOf({ status: rollingOut, spec: { rules: [], failurePolicy: "Ignore" } }, {
      invalid: "spec.expression: no",
      webhooks: { [V]: stored(V) },
    }),
    { ...nothing, status: "active True PolicyActive" },
  ],
  [
    "nor does such an edit change the kind",
    factsOf({ status: reachable(2), mutating: true }, { invalid: "no", webhooks: { [V]: stored(V) } }),
    { ...nothing, status: "active True PolicyActive" },
  ],
  [
    "such a policy gets every new bundle, and its finalizer back",
    factsOf({ status: rollingOut, metadata: { finalizers: [] } }, {
      invalid: "no",
      webhooks: { [V]: stored(V, factsOf(), "old\n") },
    }),
    { ...nothing, apply: [V], finalizers: ["add kubewarden.io/finalizer"], status: "active True PolicyActive" },
  ],
  [
    "a policy that is not valid gets no webhook, whatever is said to be reachable",
    factsOf({ status: reachable(2) }, { invalid: "no" }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "a policy whose name another one is served under loses its webhook",
    factsOf({ status: collided }, { webhooks: { [V]: stored(V) } }),
    { ...nothing, remove: both, finalizers: drop, status: "scheduled False WaitingForPolicyServer" },
  ],
  [
    "a duplicate left behind is removed",
    factsOf({ status: reachable(2) }, { webhooks: { [V]: stored(V), [M]: stored(M) } }),
    { ...nothing, apply: [V], remove: [`${M} clusterwide-psp`], status: "active True PolicyActive" },
  ],
  [
    "a webhook of a former server of that name is removed while the new one starts",
    factsOf({}, { webhooks: { [V]: stored(V) }, server: { ...server, uid: "ps2" } }),
    { ...nothing, remove: [`${V} clusterwide-psp`], status: "scheduled False WaitingForPolicyServer" },
  ],
  [
    "without its server a policy is unschedulable and nothing calls anybody",
    factsOf({ status: rollingOut }, { server: undefined }),
    { ...nothing, remove: both, finalizers: drop, status: "unschedulable False PolicyServerNotFound" },
  ],
  [
    "a server on its way out counts as gone",
    factsOf({ status: reachable(2) }, { server: { ...server, terminating: true }, webhooks: { [V]: stored(V) } }),
    { ...nothing, remove: both, finalizers: drop, status: "unschedulable False PolicyServerNotFound" },
  ],
  [
    "without finalizer and webhook there is nothing to remove",
    factsOf({ metadata: { finalizers: [] } }, { server: undefined }),
    { ...nothing, status: "unschedulable False PolicyServerNotFound" },
  ],
  [
    "a policy that names no server is unscheduled",
    factsOf({ spec: { policyServer: "" }, metadata: { finalizers: [] } }, {
      server: undefined,
      webhooks: { [V]: stored(V) },
    }),
    { ...nothing, remove: [both[0]], status: "unscheduled False PolicyServerNotFound" },
  ],
  [
    "a policy being deleted loses its webhook first, then its finalizers, also the old one",
    factsOf({
      status: reachable(2),
      metadata: { deletionTimestamp: "x", finalizers: ["kubewarden", "kubewarden.io/finalizer", "other"] },
    }),
    {
      ...nothing,
      remove: both,
      finalizers: [...drop, "drop kubewarden"],
      status: "pending False PolicyTerminating",
    },
  ],
  [
    "a webhook of another policy under the same name is never touched",
    factsOf({ status: reachable(2) }, { taken: [V] }),
    { ...nothing, status: "pending False WaitingForPolicyServer" },
  ],
  [
    "nor is it removed with the policy that lost the name",
    factsOf({ metadata: { deletionTimestamp: "x" } }, { taken: [V] }),
    { ...nothing, remove: [both[1]], finalizers: drop, status: "scheduled False PolicyTerminating" },
  ],
  [
    "a refused webhook becomes a condition",
    factsOf({ status: reachable(2) }, { refusal: "bad selector" }),
    { ...nothing, status: "pending False WebhookRefused" },
  ],
  [
    "a refused edit leaves the former webhook standing",
    factsOf({ status: reachable(2), mutating: true }, { refusal: "bad selector", webhooks: { [V]: stored(V) } }),
    { ...nothing, status: "active False WebhookRefused" },
  ],
  [
    "which still gets every new bundle",
    factsOf({ status: reachable(2) }, { refusal: "bad selector", webhooks: { [V]: stored(V, factsOf(), "old\n") } }),
    { ...nothing, apply: [V], status: "active False WebhookRefused" },
  ],
];
for (const [name, facts, expected] of cases) {
  test(`plan: ${name}`, () => {
    const plan = planRegistration(facts);
    assert.equal(essence(plan), expected);
    assert.equal(plan.patch ?? [], []);
    for (const { target, fields, conditions } of plan.status) {
      assert.is(target.uid, "p1");
      assert.equal(Object.keys(fields ?? {}), ["policyStatus"]);
      assert.equal(conditions.map(({ type, observedGeneration }) => [type, observedGeneration]), [["PolicyActive", 2]]);
    }
  });
}

test("plan: a refused webhook that stands is applied as it is, but for the bundle", () => {
  const standing = stored(V, factsOf({ spec: { failurePolicy: "Ignore" } }), "old\n");
  const [applied] = planRegistration(factsOf({}, { refusal: "no", webhooks: { [V]: standing } })).apply;
  assert.equal(applied, desired(V, factsOf({ spec: { failurePolicy: "Ignore" } })));
});

test("plan: while an edit is not valid, all but the rules of the standing webhook is put back", () => {
  const standing = stored(V, factsOf({ spec: { timeoutSeconds: 3 } }));
  standing.metadata = { ...standing.metadata, labels: {}, annotations: undefined, ownerReferences: [] };
  const [entry] = standing.webhooks as { clientConfig: { service: { name: string } } }[];
  entry!.clientConfig.service.name = "elsewhere";
  const facts = factsOf({ spec: { timeoutSeconds: 9 } }, { invalid: "no", webhooks: { [V]: standing } });
  assert.equal(planRegistration(facts).apply, [desired(V, factsOf({ spec: { timeoutSeconds: 3 } }))]);
});

test("plan: what others added to a webhook is taken away in the version that was seen", () => {
  const standing = stored(V);
  const [entry] = standing.webhooks as Record<string, unknown>[];
  entry!.matchConditions = [{ name: "never", expression: "false" }];
  const plan = planRegistration(factsOf({ status: rollingOut }, { webhooks: { [V]: standing } }));
  assert.equal(plan.apply, []);
  assert.equal(plan.patch, [{
    target: { apiVersion: "admissionregistration.k8s.io/v1", kind: V, name: "clusterwide-psp" },
    merge: { metadata: { resourceVersion: "9", ownerReferences: [owner] }, webhooks: desired(V).webhooks },
  }]);
});

test("plan: an owner that others added is taken away, that of a former release by the apply", () => {
  const merge = (ownerReferences: object[]) => {
    const standing = stored(V);
    standing.metadata = { ...standing.metadata, ownerReferences: ownerReferences as typeof owner[] };
    const plan = planRegistration(factsOf({ status: rollingOut }, { webhooks: { [V]: standing } }));
    return [plan.apply.length, plan.patch?.map((each) => (each.merge.metadata as object))];
  };
  assert.equal(merge([owner, target]), [0, [{ resourceVersion: "9", ownerReferences: [owner] }]]);
  assert.equal(merge([target]), [1, []]);
  assert.equal(merge([owner]), [0, []]);
});

test("plan: a write that failed is not reported as done", () => {
  const facts = factsOf({ status: reachable(2) });
  const words = (refused: boolean, given = facts) =>
    essence({ ...nothingToDo, status: statusAfterFailure(given, { message: "no", refused }) }).status;
  assert.is(words(true), "pending False WebhookRefused");
  assert.is(words(false), "pending False WaitingForPolicyServer");
  assert.is(words(false, factsOf({ status: rollingOut }, { webhooks: { [V]: stored(V) } })), "");
  assert.is(words(true, factsOf({}, { server: undefined })), "");
});

const serverFacts = (more: Partial<ServerFacts> = {}): ServerFacts => ({
  about: "server",
  target,
  generation: 1,
  terminating: false,
  bundle: { digest: "d2", base64: "new" },
  trustedCaDigest: "d1",
  registered: [],
  ...more,
});
const digestCases: [string, ServerFacts, string | undefined][] = [
  ["a server without policies is acknowledged at once", serverFacts(), "d2"],
  [
    "a bundle is acknowledged when every webhook carries it",
    serverFacts({ registered: [{ name: "a", bundles: ["new"], refused: false }] }),
    "d2",
  ],
  [
    "one webhook behind holds it back",
    serverFacts({
      registered: [{ name: "a", bundles: ["new"], refused: false }, { name: "b", bundles: ["old"], refused: false }],
    }),
    "d1",
  ],
  [
    "unless the API server refuses that one",
    serverFacts({ registered: [{ name: "b", bundles: ["old"], refused: true }] }),
    "d2",
  ],
  ["what was acknowledged stays while there is no bundle", serverFacts({ bundle: undefined }), "d1"],
];
for (const [name, facts, digest] of digestCases) {
  test(`plan: ${name}`, () => {
    assert.equal(planRegistration(facts), {
      ...nothingToDo,
      status: [{ target, conditions: [], fields: { trustedCaDigest: digest } }],
    });
  });
}

test("plan: of a server without a bundle nothing is said", () => {
  assert.equal(planRegistration(serverFacts({ bundle: undefined, trustedCaDigest: undefined })), nothingToDo);
});

test("plan: a terminating server is released when the last webhook is gone", () => {
  const remaining = [{ apiVersion: "admissionregistration.k8s.io/v1", kind: V, name: "w" }];
  const busy = planRegistration(serverFacts({ terminating: true, remaining }));
  assert.equal(busy.remove, remaining);
  assert.is(busy.status[0]!.conditions[0]!.status, "False");
  assert.ok(busy.lookAgainAfterMs);
  const done = planRegistration(serverFacts({ terminating: true, remaining: [] }));
  assert.equal(done.remove, []);
  assert.is(done.status[0]!.conditions[0]!.status, "True");
});

test("plan: the webhook of a policy that is gone is removed", () => {
  const plan = planRegistration({ about: "orphan", kind: "ClusterAdmissionPolicy", webhooks: [stored(V)] });
  assert.equal(plan.remove.map(({ kind, name }) => `${kind} ${name}`), [both[0]]);
});

test.run();
