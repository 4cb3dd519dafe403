import { type Test, test as plain } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../../contracts/conditions.ts";
import { type KubeObject, type ObjectRef, refOf } from "../../contracts/kubernetes.ts";
import { annotations, apiVersion } from "../../contracts/names.ts";
import type { PolicyStatus } from "../../contracts/policy.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import {
  type ControllerBench,
  policyServer,
  startControllerBench,
  until,
  untilCondition,
} from "../../test/controller-under-test.ts";

type Context = { bench: ControllerBench; kill: (signal?: NodeJS.Signals) => Promise<number | null> };
const test = plain as Test<Context>;

const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };
const policy: ObjectRef = { apiVersion, kind: "ClusterAdmissionPolicy", name: "no-secrets" };
const deploymentsNamespace: ObjectRef = { apiVersion: "v1", kind: "Namespace", name: "kubewarden" };
const webhooks = "admissionregistration.k8s.io/v1";
const validating: ObjectRef = {
  apiVersion: webhooks,
  kind: "ValidatingWebhookConfiguration",
  name: "clusterwide-no-secrets",
};
const mutating: ObjectRef = { ...validating, kind: "MutatingWebhookConfiguration" };

type Entry = {
  failurePolicy: string;
  clientConfig: { caBundle: string; service: object };
  matchConditions?: { name: string }[];
  namespaceSelector: { matchExpressions: { values: string[] }[] };
};
const entryOf = (object: KubeObject | undefined) => (object?.webhooks as Entry[] | undefined)?.[0];
const phaseOf = (object: KubeObject | undefined) => (object?.status as PolicyStatus | undefined)?.policyStatus;

const newPolicy = (name: string, spec: object = {}): KubeObject => ({
  apiVersion,
  kind: "ClusterAdmissionPolicy",
  metadata: { name },
  spec: {
    module: "file:///modules/policy.wasm",
    mutating: false,
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["endpoints"] }],
    ...spec,
  },
});

const groupOf = {
  module: undefined,
  mutating: undefined,
  expression: "a()",
  message: "no",
  policies: { a: { module: "file:///modules/policy.wasm" } },
};

/** Plays certs. */
async function publish({ kube }: ControllerBench, caBundle: string): Promise<void> {
  const { uid } = (await kube.get(server))!.metadata;
  const object = { apiVersion, kind: "PolicyServer", metadata: { name: "default", uid }, status: { caBundle } };
  await kube.apply(object, { fieldManager: "certs", subresource: "status", force: true });
}

/** Plays the reconciler: pods serve this generation of the policy, or they do not yet. */
async function serve({ kube }: ControllerBench, ref: ObjectRef, served = true): Promise<void> {
  const { uid, generation } = (await kube.get(ref))!.metadata;
  const serverUid = (await kube.get(server))!.metadata.uid;
  const said = { message: "", observedGeneration: generation, lastTransitionTime: "2030-01-01T00:00:00Z" };
  await kube.apply({
    apiVersion,
    kind: ref.kind,
    metadata: { name: ref.name, ...(ref.namespace ? { namespace: ref.namespace } : {}), uid },
    status: {
      conditions: [
        { type: "PolicyServerConfigurationUpToDate", status: "True", reason: "ConfigurationVersionMatch", ...said },
        {
          type: "PolicyUniquelyReachable",
          status: served ? "True" : "False",
          reason: served ? "LatestReplicaSetIsUniquelyReachable" : "LatestReplicaSetIsNotUniquelyReachable",
          ...said,
        },
      ],
      ...(served ? { servedBy: { policyServerUid: serverUid, configVersion: "v1" } } : {}),
    },
  }, { fieldManager: "reconciler", subresource: "status", force: true });
}

const longAgo = "2020-01-01T00:00:00Z";

/** Plays the reconciler: some pod is ready, or none has been for long. */
async function available({ kube }: ControllerBench, status: "True" | "False"): Promise<void> {
  const { uid } = (await kube.get(server))!.metadata;
  const conditions = [{ type: "Available", status, reason: "Whatever", message: "", lastTransitionTime: longAgo }];
  const object = { apiVersion, kind: "PolicyServer", metadata: { name: "default", uid }, status: { conditions } };
  await kube.apply(object, { fieldManager: "reconciler", subresource: "status", force: true });
}

test.before(async (context) => {
  context.bench = await startControllerBench({ disturbances: true, seed: 3 });
  context.kill = await context.bench.start("webhook-registrar");
});
test.after(async ({ bench }) => await bench.stop());

test("a policy waits as unschedulable for its server, and pending until it is served", async ({ bench }) => {
  const { kube } = bench;
  await kube.create(newPolicy("no-secrets"));
  await until("unschedulable", async () => phaseOf(await kube.get(policy)) === "unschedulable");
  await kube.create(policyServer("default"));
  await publish(bench, "first\n");
  await until("scheduled", async () => phaseOf(await kube.get(policy)) === "scheduled");
  await serve(bench, policy, false);
  await until("pending", async () => phaseOf(await kube.get(policy)) === "pending");
  assert.is(await kube.get(validating), undefined);
});

test("once served it has its finalizer, its webhook and is active", async ({ bench }) => {
  const { kube } = bench;
  await serve(bench, policy);
  const active = await untilCondition(kube, policy, "PolicyActive", "True");
  assert.is(phaseOf(active), "active");
  assert.equal(active.metadata.finalizers, ["kubewarden.io/finalizer"]);
  const webhook = (await kube.get(validating))!;
  assert.is(entryOf(webhook)!.clientConfig.caBundle, btoa("first\n"));
  assert.equal(entryOf(webhook)!.namespaceSelector.matchExpressions[0]!.values, ["kubewarden"]);
  assert.equal(webhook.metadata.ownerReferences, await owners(bench));
  const { uid } = (await kube.get(server))!.metadata;
  assert.is(webhook.metadata.annotations![annotations.policyServerUid], uid);
});

/** The deployments namespace and nobody else. */
async function owners({ kube }: ControllerBench) {
  const { apiVersion, kind, metadata: { name, uid } } = (await kube.get(deploymentsNamespace))!;
  return [{ apiVersion, kind, name, uid }];
}
const isOwnedBy = (object: KubeObject | undefined, wanted: object) =>
  JSON.stringify(object?.metadata.ownerReferences) === JSON.stringify(wanted);

test("a webhook as a former release left it, owned by its PolicyServer, is owned by the namespace after an apply", async ({ bench }) => {
  const { kube } = bench;
  await serve(bench, policy, false);
  const { uid } = (await kube.get(server))!.metadata;
  const { metadata, webhooks: entries } = (await kube.get(validating))!;
  const { [annotations.policyServerUid]: _, ...former } = metadata.annotations!;
  const { apiVersion: version, kind, name } = validating;
  await kube.apply({
    apiVersion: version,
    kind,
    metadata: { name, labels: metadata.labels!, annotations: former, ownerReferences: [{ ...server, uid: uid! }] },
    webhooks: entries,
  }, { fieldManager: "webhook-registrar", force: true });
  const wanted = await owners(bench);
  await until("the owner", async () => isOwnedBy(await kube.get(validating), wanted));
  const converted = (await kube.get(validating))!.metadata;
  assert.is(converted.annotations![annotations.policyServerUid], uid);
  assert.is(converted.uid, metadata.uid);
});

test("an owner that somebody adds to a webhook is taken away, since it would keep it or take it along", async ({ bench }) => {
  const { kube } = bench;
  const wanted = await owners(bench);
  const { uid } = (await kube.get(server))!.metadata;
  const ownerReferences = [...wanted, { ...server, uid }];
  await kube.patch(validating, { metadata: { ownerReferences } }, { type: "merge" });
  await until("the only owner", async () => isOwnedBy(await kube.get(validating), wanted));
});

test("a webhook changed by hand is put back, also while a rollout is under way", async ({ bench }) => {
  const { kube } = bench;
  await serve(bench, policy, false);
  await kube.patch(validating, [{ op: "replace", path: "/webhooks/0/failurePolicy", value: "Ignore" }], {
    type: "json",
  });
  await until("failurePolicy", async () => entryOf(await kube.get(validating))?.failurePolicy === "Fail");
  await kube.patch(validating, [{
    op: "add",
    path: "/webhooks/0/matchConditions",
    value: [{ name: "never", expression: "false" }],
  }], { type: "json" });
  await until("no condition", async () => entryOf(await kube.get(validating))?.matchConditions === undefined);
  await kube.patch(validating, { metadata: { labels: null, annotations: null } }, { type: "merge" });
  await until("labels", async () => (await kube.get(validating))?.metadata.labels?.["app.kubernetes.io/part-of"]);
  assert.is((await kube.get(validating))!.metadata.annotations!.kubewardenPolicyName, "no-secrets");
  assert.is(phaseOf(await kube.get(policy)), "active");
});

test("a webhook removed by hand during a rollout waits for the gate, and after it comes back at once", async ({ bench }) => {
  const { kube } = bench;
  await kube.remove(validating);
  const waiting = await untilCondition(kube, policy, "PolicyActive", "False");
  assert.is(phaseOf(waiting), "pending");
  assert.is(await kube.get(validating), undefined);
  await serve(bench, policy);
  const first = await until("the webhook after the rollout", async () => await kube.get(validating));
  await untilCondition(kube, policy, "PolicyActive", "True");
  await kube.remove(validating);
  await until("another one", async () => {
    const made = await kube.get(validating);
    return made && made.metadata.uid !== first.metadata.uid;
  });
});

test("a new bundle goes into every webhook and is then confirmed", async ({ bench }) => {
  const { kube } = bench;
  const digest = sha256Hex("second\nfirst\n");
  await publish(bench, "second\nfirst\n");
  await until("the digest", async () => {
    const status = (await kube.get(server))?.status as { trustedCaDigest?: string } | undefined;
    return status?.trustedCaDigest === digest;
  });
  assert.is(entryOf(await kube.get(validating))!.clientConfig.caBundle, btoa("second\nfirst\n"));
});

test("a policy changes its kind at once when it becomes mutating, and back after the rollout", async ({ bench }) => {
  const { kube } = bench;
  const only = (wanted: ObjectRef, other: ObjectRef) =>
    until(`only ${wanted.kind}`, async () => await kube.get(wanted) && !await kube.get(other));
  await kube.patch(policy, { spec: { mutating: true } }, { type: "merge" });
  await only(mutating, validating);
  await serve(bench, policy);
  await kube.patch(policy, { spec: { mutating: false, timeoutSeconds: 7 } }, { type: "merge" });
  await until(
    "the edit",
    async () => (entryOf(await kube.get(mutating)) as { timeoutSeconds?: number })?.timeoutSeconds === 7,
  );
  await serve(bench, policy);
  await only(validating, mutating);
});

test("without a ready pod the webhook of a policy with a deadlock guard lets requests pass until there is one", async ({ bench }) => {
  const { kube } = bench;
  const asks = { [annotations.relaxWhenUnavailableAfter]: "30s" };
  await kube.patch(policy, { metadata: { annotations: asks } }, { type: "merge" });
  await available(bench, "False");
  const relaxed = await until("WebhookRelaxed", async () => {
    const found = (await kube.get(policy))!;
    return findCondition(found, "PolicyActive")?.reason === "WebhookRelaxed" && found;
  });
  assert.is(phaseOf(relaxed), "active");
  assert.is(findCondition(relaxed, "PolicyActive")!.status, "True");
  const webhook = (await kube.get(validating))!;
  assert.is(entryOf(webhook)!.failurePolicy, "Ignore");
  assert.is(webhook.metadata.annotations![annotations.relaxedSince], longAgo);
  await until("a warning", async () => {
    const { items } = await kube.list({ apiVersion: "v1", kind: "Event" });
    return items.some(({ type, reason }) => type === "Warning" && reason === "WebhookRelaxed");
  });
  await available(bench, "True");
  await until("Fail again", async () => entryOf(await kube.get(validating))?.failurePolicy === "Fail");
  assert.is((await kube.get(validating))!.metadata.annotations![annotations.relaxedSince], undefined);
  await until(
    "PolicyActive",
    async () => findCondition((await kube.get(policy))!, "PolicyActive")?.reason === "PolicyActive",
  );
});

const everyKind: [object: KubeObject, webhook: ObjectRef][] = [
  [newPolicy("another", { mutating: true }), { ...mutating, name: "clusterwide-another" }],
  [
    { ...newPolicy("group", groupOf), kind: "ClusterAdmissionPolicyGroup" },
    { ...validating, name: "clusterwide-group-group" },
  ],
  [
    { ...newPolicy("single"), kind: "AdmissionPolicy", metadata: { name: "single", namespace: "default" } },
    { ...validating, name: "namespaced-default-single" },
  ],
  [
    {
      ...newPolicy("group", groupOf),
      kind: "AdmissionPolicyGroup",
      metadata: { name: "group", namespace: "default" },
    },
    { ...validating, name: "namespaced-group-default-group" },
  ],
];

test("policies of all four kinds pass through pending, and each gets its webhook", async ({ bench }) => {
  const { kube } = bench;
  for (const [object] of everyKind) await kube.create(object);
  for (const [object, webhook] of everyKind) {
    const ref = refOf(object);
    await serve(bench, ref, false);
    await until(`${ref.kind} is pending`, async () => phaseOf(await kube.get(ref)) === "pending");
    assert.is(await kube.get(webhook), undefined);
    await serve(bench, ref);
    await until(`${ref.kind} is active`, async () => phaseOf(await kube.get(ref)) === "active");
    const { metadata, webhooks: entries } = (await kube.get(webhook))!;
    assert.is(metadata.labels!["app.kubernetes.io/part-of"], "kubewarden");
    assert.equal(metadata.annotations, {
      kubewardenPolicyName: ref.name,
      kubewardenPolicyNamespace: ref.namespace ?? "",
      [annotations.policyServerUid]: (await kube.get(server))!.metadata.uid,
    });
    assert.is((entries as Entry[]).length, 1);
    const { service, caBundle } = entryOf({ ...object, webhooks: entries })!.clientConfig;
    assert.equal(service, {
      namespace: "kubewarden",
      name: "policy-server-default",
      path: `/validate/${webhook.name}`,
      port: 443,
    });
    assert.is(caBundle, btoa("second\nfirst\n"));
  }
  for (const [object] of everyKind) await kube.remove(refOf(object));
  for (const [, webhook] of everyKind) await until(`${webhook.name} gone`, async () => !await kube.get(webhook));
});

test("a webhook that the API server refuses is told in the policy's status", async ({ bench }) => {
  const { kube } = bench;
  const refused: ObjectRef = { ...policy, name: "refused" };
  await kube.create(newPolicy("refused", { matchConditions: [{ name: "broken", expression: "this is not CEL" }] }));
  await serve(bench, refused);
  const told = await until("WebhookRefused", async () => {
    const found = findCondition((await kube.get(refused))!, "PolicyActive");
    return found?.reason === "WebhookRefused" && found;
  });
  assert.match(told.message, "matchConditions");
  assert.is(phaseOf(await kube.get(refused)), "pending");
  await kube.remove(refused);
  await until("the policy is gone", async () => !await kube.get(refused));
});

test("webhooks that were taken away in an emergency come back when their policy is served, and not before", async (context) => {
  const { kube } = context.bench;
  await context.kill();
  await kube.remove(validating);
  await serve(context.bench, policy, false);
  context.kill = await context.bench.start("webhook-registrar", ["--no-leader-elect"]);
  await untilCondition(kube, policy, "PolicyActive", "False");
  assert.is(await kube.get(validating), undefined);
  await serve(context.bench, policy);
  await untilCondition(kube, policy, "PolicyActive", "True");
  assert.ok(await kube.get(validating));
});

test("killed and started again it goes on: the server leaves, its webhooks first", async ({ bench, kill }) => {
  const { kube } = bench;
  await kill("SIGKILL");
  await kube.patch(server, { metadata: { finalizers: ["kubewarden.io/finalizer"] } }, { type: "merge" });
  await kube.remove(server);
  const stop = await bench.start("webhook-registrar", ["--no-leader-elect"]);
  await untilCondition(kube, server, "PolicyWebhooksCleanedUp", "True");
  assert.is(await kube.get(validating), undefined);
  await until("unschedulable", async () => phaseOf(await kube.get(policy)) === "unschedulable");
  assert.equal((await kube.get(policy))!.metadata.finalizers ?? [], []);

  await kube.patch(server, { metadata: { finalizers: null } }, { type: "merge" });
  await until("the server is gone", async () => !await kube.get(server));
  await kube.create(policyServer("default"));
  await publish(bench, "third\n");
  await serve(bench, policy);
  await untilCondition(kube, policy, "PolicyActive", "True");
  await kube.remove(policy);
  await until("policy and webhook are gone", async () => !await kube.get(policy) && !await kube.get(validating));
  assert.is(await stop(), 0);
});

test.run();
