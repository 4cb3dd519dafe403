import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations, type PolicyKind } from "../../contracts/names.ts";
import { createMetrics } from "../../runtime/telemetry/metrics.ts";
import { sleep } from "../../runtime/sleep.ts";
import { failure, MemoryKube } from "../../runtime/testing/memory-kube.ts";
import type { PolicyFacts } from "./facts.ts";
import { serversCalledBy } from "./keys.ts";
import { observe } from "./observe.ts";
import { planRegistration } from "./plan.ts";
import { observeRelaxedWebhooks } from "./relaxed-metric.ts";
import { type Change, desired, factsOf, M, owner, policyOf, reachable, rollingOut, stored, V } from "./test-objects.ts";
import { type ObjectSource, uniqueNameOf, type World } from "./world.ts";

const policyServer = (conditions: object[] = [], metadata: object = {}): KubeObject => ({
  apiVersion: "policies.kubewarden.io/v1",
  kind: "PolicyServer",
  metadata: { name: "default", uid: "ps1", ...metadata },
  spec: { replicas: 1 },
  status: { caBundle: "pem\n", conditions },
});
const available = (status: string) => ({ type: "Available", status, lastTransitionTime: "2030-01-01T00:00:00Z" });

type Seen = { policy?: KubeObject; server?: KubeObject; cached?: KubeObject[]; now?: string };
const source = (objects: (KubeObject | undefined)[]): ObjectSource => {
  const list = objects.filter((each) => each !== undefined);
  return { list: () => list, get: (name) => list.find(({ metadata }) => metadata.name === name) };
};
function worldOf({ policy, server = policyServer(), cached = [], now = "2030-01-01T00:02:00Z" }: Seen) {
  const kube = new MemoryKube();
  const policies = (kind: PolicyKind) => source([policy?.kind === kind ? policy : undefined]);
  const world: World = {
    kube,
    fieldManager: "webhook-registrar",
    namespace: "kubewarden",
    owner,
    controllers: [],
    servers: source([server]),
    policies: {
      AdmissionPolicy: policies("AdmissionPolicy"),
      AdmissionPolicyGroup: policies("AdmissionPolicyGroup"),
      ClusterAdmissionPolicy: policies("ClusterAdmissionPolicy"),
      ClusterAdmissionPolicyGroup: policies("ClusterAdmissionPolicyGroup"),
    },
    webhooks: {
      [V]: source(cached.filter(({ kind }) => kind === V)),
      [M]: source(cached.filter(({ kind }) => kind === M)),
    },
    policiesNamed: { get: (name) => policy && uniqueNameOf(policy) === name ? [policy] : [] },
    webhooksOf: { get: (server) => cached.filter((each) => serversCalledBy(each).includes(server)) },
    policyPassesEnded: () => Promise.resolve(),
    now: () => new Date(now),
  };
  return { kube, world };
}
const object = (change: Change = {}) => policyOf(change) as unknown as KubeObject;
const seenOf = async ({ world }: { world: World }) => {
  const kind = "ClusterAdmissionPolicy";
  return await observe({ kind, name: "psp" }, world, new AbortController().signal) as PolicyFacts;
};

test("observe: a webhook that no cache shows yet, or whose label was taken away, is looked for before it counts as gone", async () => {
  const scene = worldOf({ policy: object({ status: rollingOut }) });
  await scene.kube.create(stored(V));
  const facts = await seenOf(scene);
  assert.equal(Object.keys(facts.webhooks), [V]);
  assert.equal(planRegistration(facts).status[0]!.fields, { policyStatus: "active" });
});

test("observe: without finalizer and phase, no webhook of the policy was ever written, and nobody is asked", async () => {
  const scene = worldOf({ policy: object({ metadata: { finalizers: [] } }) });
  scene.kube.intercept = (verb) => {
    throw new Error(`unexpected ${verb}`);
  };
  assert.equal((await seenOf(scene)).webhooks, {});
});

test("observe: a webhook is tried without effect, and the refusal is a fact, not an error", async () => {
  const scene = worldOf({ policy: object({ status: reachable(2) }) });
  scene.kube.intercept = (verb) => {
    if (verb === "apply") throw failure("KUBE_INVALID");
  };
  const facts = await seenOf(scene);
  assert.ok(facts.refusal);
  const plan = planRegistration(facts);
  assert.equal(plan.apply, []);
  assert.is(plan.status[0]!.conditions[0]!.reason, "WebhookRefused");
  assert.ok(plan.lookAgainAfterMs! >= 10_000);
});

test("observe: a failure that is no refusal ends the pass, to be tried again", async () => {
  const scene = worldOf({ policy: object({ status: reachable(2) }) });
  scene.kube.intercept = (verb) => {
    if (verb === "apply") throw failure("KUBE_FAILED");
  };
  let code: unknown;
  await seenOf(scene).catch((error) => code = error.code);
  assert.is(code, "KUBE_FAILED");
});

test("observe: what is in place is not tried again", async () => {
  const scene = worldOf({ policy: object({ status: reachable(2) }), cached: [stored(V)] });
  scene.kube.intercept = (verb) => {
    throw new Error(`unexpected ${verb}`);
  };
  assert.is((await seenOf(scene)).refusal, undefined);
});

const deploymentWith = (status: object): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "policy-server-default", namespace: "kubewarden" },
  status,
});

test("observe: an old word that the policy is served creates no webhook while the server has no ready pod", async () => {
  const scene = worldOf({ policy: object({ status: { ...reachable(2), policyStatus: "active" } }) });
  await scene.kube.create(deploymentWith({ replicas: 1 }));
  const plan = planRegistration(await seenOf(scene));
  assert.equal(plan.apply, []);
  assert.is(plan.status[0]!.conditions[0]!.reason, "WaitingForPolicyServer");
  assert.ok(plan.lookAgainAfterMs);
  await scene.kube.apply(deploymentWith({ replicas: 1, readyReplicas: 1 }), { fieldManager: "test" });
  assert.equal(planRegistration(await seenOf(scene)).apply.map(({ kind }) => kind), [V]);
});

test("observe: what stands is repaired whether or not a pod is ready", async () => {
  const cached = [stored(V, factsOf({ spec: { timeoutSeconds: 3 } }))];
  const scene = worldOf({ policy: object({ status: reachable(2) }), cached });
  await scene.kube.create(deploymentWith({ replicas: 1 }));
  assert.is(planRegistration(await seenOf(scene)).apply.length, 1);
});

const group = (expression: string, conditions: object[] = []): KubeObject => {
  const { spec, ...others } = object();
  const { rules, timeoutSeconds, backgroundAudit, mode } = spec as Record<string, unknown>;
  const shared = { rules, timeoutSeconds, backgroundAudit, mode, policyServer: "default" };
  const policies = { a: { module: "file:///m.wasm" } };
  return {
    ...others,
    kind: "ClusterAdmissionPolicyGroup",
    spec: { ...shared, expression, message: "no", policies },
    status: { conditions },
  };
};
const groupOf = async (policy: KubeObject) => {
  const { world } = worldOf({ policy });
  const key = { kind: "ClusterAdmissionPolicyGroup", name: "psp" } as const;
  return await observe(key, world, new AbortController().signal) as PolicyFacts;
};
const foundInvalid = (observedGeneration: number) => ({
  type: "PolicyServerConfigurationUpToDate",
  status: "False",
  reason: "PolicyInvalid",
  message: "a rule that we do not know",
  observedGeneration,
});

test("observe: an edit that is not valid is known as such before the reconciler has seen it", async () => {
  assert.is((await groupOf(group("a()"))).invalid, undefined);
  assert.match((await groupOf(group("a() &&"))).invalid!, "spec.expression");
});

test("observe: what the reconciler calls invalid is, for the generation that it looked at", async () => {
  assert.is((await groupOf(group("a()", [foundInvalid(2)]))).invalid, "a rule that we do not know");
  assert.is((await groupOf(group("a()", [foundInvalid(1)]))).invalid, undefined);
});

test("observe: a policy that the schema does not accept any more keeps its webhook instead of failing for ever", async () => {
  const scene = worldOf({
    policy: object({ status: rollingOut, spec: { timeoutSeconds: "ten" } }),
    cached: [stored(V)],
  });
  const facts = await seenOf(scene);
  assert.match(facts.invalid!, "timeoutSeconds");
  const plan = planRegistration(facts);
  assert.equal([plan.apply, plan.remove], [[], []]);
  assert.match(plan.status[0]!.conditions[0]!.message, "last valid generation");
});

test("observe: and is let go when it is deleted", async () => {
  const policy = object({ spec: { timeoutSeconds: "ten" }, metadata: { deletionTimestamp: "2030-01-01T00:00:00Z" } });
  const plan = planRegistration(await seenOf(worldOf({ policy, cached: [stored(V)] })));
  assert.is(plan.remove.length, 2);
  assert.equal(plan.finalizers.map(({ change }) => change), ["drop"]);
});

test("observe: a bundle is confirmed by what stands, not by a cache that has not seen a new webhook yet", async () => {
  const scene = worldOf({ policy: object({ status: reachable(2) }) });
  const confirmed = async () => {
    const seen = await observe({ kind: "PolicyServer", name: "default" }, scene.world, new AbortController().signal);
    return planRegistration(seen).status[0]?.fields?.trustedCaDigest;
  };
  await scene.kube.create(stored(V, factsOf(), "old\n"));
  assert.is(await confirmed(), undefined);
  await scene.kube.apply(desired(V), { fieldManager: "webhook-registrar" });
  assert.ok(await confirmed());
});

test("observe: a server that goes away waits for what calls it and for what was registered for it", async () => {
  const metadata = { deletionTimestamp: "2030-01-01T00:00:00Z" };
  const scene = worldOf({ server: policyServer([], metadata) });
  const called = stored(V);
  const elsewhere = (kind: typeof V | typeof M, name: string, more: object) => {
    const webhook = stored(kind);
    const [entry] = webhook.webhooks as { clientConfig: { service: { name: string } } }[];
    entry!.clientConfig.service.name = "elsewhere";
    return { ...webhook, metadata: { name, ...more } };
  };
  const former = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "ps1" };
  await scene.kube.create(called);
  await scene.kube.create(elsewhere(V, "told", { annotations: { [annotations.policyServerUid]: "ps1" } }));
  await scene.kube.create(elsewhere(M, "of-former-release", { ownerReferences: [former] }));
  await scene.kube.create(elsewhere(M, "another", { annotations: { [annotations.policyServerUid]: "ps2" } }));
  const seen = await observe({ kind: "PolicyServer", name: "default" }, scene.world, new AbortController().signal);
  assert.equal(planRegistration(seen).remove.map(({ name }) => name), ["clusterwide-psp", "told", "of-former-release"]);
});

test("observe: a server that goes away is looked at once the passes over policies are at their end", async () => {
  const metadata = { deletionTimestamp: "2030-01-01T00:00:00Z" };
  const { kube, world } = worldOf({ server: policyServer([], metadata) });
  const pass = Promise.withResolvers<void>();
  const looks: string[] = [];
  kube.intercept = (verb, name) => void looks.push(`${verb} ${name}`);
  const key = { kind: "PolicyServer", name: "default" } as const;
  const seen = observe(key, { ...world, policyPassesEnded: () => pass.promise }, new AbortController().signal);
  await sleep(0);
  assert.equal(looks, []);
  // It began before the deletion was seen, and now it writes.
  await kube.create(stored(V));
  pass.resolve();
  assert.equal(planRegistration(await seen).remove.map(({ name }) => name), ["clusterwide-psp"]);
});

const guarded = (after: string) =>
  object({ status: rollingOut, metadata: { annotations: { [annotations.relaxWhenUnavailableAfter]: after } } });
const availability: [string, object[], string | undefined][] = [
  ["no pod is ready for long enough", [available("False")], "2030-01-01T00:00:00Z"],
  ["a pod is ready", [available("True")], undefined],
  ["nobody knows", [available("Unknown")], undefined],
  ["nothing is said", [], undefined],
];
for (const [what, conditions, expected] of availability) {
  test(`observe: while ${what}, a guard ${expected ? "relaxes" : "does nothing"}`, async () => {
    const scene = worldOf({ policy: guarded("2m"), server: policyServer(conditions), cached: [stored(V)] });
    assert.equal((await seenOf(scene)).guard?.relaxedSince, expected);
  });
}

test("observe: how many webhooks are relaxed is a metric, for the policies that ask for it", async () => {
  const relaxed = stored(V, factsOf({}, { guard: { after: "2m", relaxedSince: "2030-01-01T00:00:00Z" } }));
  const page = async (seen: Seen) => {
    const metrics = createMetrics();
    observeRelaxedWebhooks(metrics, worldOf(seen).world);
    return (await metrics.text()).body;
  };
  const sample = 'kubewarden_webhook_relaxed{policy_name="clusterwide-psp",policy_server="default"}';
  assert.match(await page({ policy: guarded("2m"), cached: [relaxed] }), `${sample} 1`);
  assert.match(await page({ policy: guarded("2m"), cached: [stored(V)] }), `${sample} 0`);
  assert.not.match(await page({ policy: object(), cached: [stored(V)] }), sample);
});

test.run();
