import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Observed } from "./facts.ts";
import { observeSettled } from "./observe-settled.ts";
import { configMap, deployment, observed, policy, policyServer } from "./test-objects.ts";
import { pendingVersion, wouldBecomeReady } from "./wanted.ts";

const signal = new AbortController().signal;
const settleMs = 1;
/** Answers one after the other, then the last one again and again. */
function series(...facts: Observed[]) {
  const looks = { count: 0 };
  return { looks, look: () => facts[Math.min(looks.count++, facts.length - 1)]! };
}
const listsNothing = { list: () => Promise.reject(new Error("asked the API server")) } as unknown as Kube;
const a = policy("ClusterAdmissionPolicy", "a");
const b = policy("ClusterAdmissionPolicy", "b");
const c = policy("ClusterAdmissionPolicy", "c");

test("settled: policies that come in a row are seen together", async () => {
  const { looks, look } = series(
    observed({ policies: [a] }),
    observed({ policies: [a, b] }),
    observed({ policies: [a, b, c] }),
  );
  const facts = await observeSettled(look, { kube: listsNothing, signal, settleMs });
  assert.equal(facts.policies, [a, b, c]);
  assert.is(looks.count, 4);
});

test("settled: does not wait without end", async () => {
  let count = 0;
  const look = () => observed({ policies: [policy("ClusterAdmissionPolicy", `p${count++}`)] });
  await observeSettled(look, { kube: listsNothing, signal, settleMs, longestMs: 5 });
  assert.is(count, 6);
});

for (
  const [title, facts] of [
    ["there is no server", { server: undefined, policies: [a] }],
    ["the server is terminating", {
      server: policyServer({}, { deletionTimestamp: "2026-01-01T00:00:00Z" }) as KubeObject,
      policies: [a],
    }],
  ] as const
) {
  test(`settled: looks once when ${title}`, async () => {
    const { looks, look } = series(observed(facts));
    await observeSettled(look, { kube: listsNothing, signal, settleMs });
    assert.is(looks.count, 1);
  });
}

test("settled: an invalid policy's last good entry is read live", async () => {
  const group = policy("ClusterAdmissionPolicyGroup", "g", { expression: "m1(" });
  const live = { deployment: deployment("v2"), configMaps: [configMap("v2", "{}")] };
  const asked: unknown[] = [];
  const kube = {
    list: ({ kind }: { kind: string }, options: object) => {
      asked.push({ kind, ...options, signal: undefined });
      return Promise.resolve({
        items: kind === "Deployment" ? [live.deployment] : live.configMaps,
        resourceVersion: "1",
      });
    },
  } as unknown as Kube;
  const stale = observed({ policies: [group], deployment: deployment("v1"), configMaps: [configMap("v1", "{}")] });
  const facts = await observeSettled(() => stale, { kube, signal, settleMs });
  assert.is(facts.deployment, live.deployment);
  assert.is(facts.configMaps, live.configMaps);
  assert.equal(asked, [
    {
      kind: "Deployment",
      namespace: "kubewarden",
      fieldSelector: "metadata.name=policy-server-default",
      signal: undefined,
    },
    {
      kind: "ConfigMap",
      namespace: "kubewarden",
      labelSelector: "kubewarden/policy-server=default",
      signal: undefined,
    },
  ]);
});

test("settled: before pods are called ready of a new generation the Deployment is read live", async () => {
  const written = { type: "DeploymentReconciled", status: "True", reason: "x", message: "", observedGeneration: 2 };
  const server = policyServer({}, { generation: 2 }, { conditions: [written] }) as KubeObject;
  const version = pendingVersion(observed({ server }), sha256Hex)!;
  const counts = { replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
  const done = (generation: number, observedGeneration: number): KubeObject => {
    const { metadata, ...rest } = deployment(version);
    const status = { ...counts, observedGeneration };
    return { ...rest, metadata: { ...metadata, generation }, spec: { replicas: 1 }, status };
  };
  const live = done(6, 5);
  const kube = {
    list: ({ kind }: { kind: string }) =>
      Promise.resolve({ items: kind === "Deployment" ? [live] : [], resourceVersion: "1" }),
  } as unknown as Kube;
  const stale = observed({ server, deployment: done(5, 5) });
  assert.is(wouldBecomeReady(stale, sha256Hex), true);
  const facts = await observeSettled(() => stale, { kube, signal, settleMs });
  assert.is(facts.deployment, live);
  assert.is(wouldBecomeReady(facts, sha256Hex), false);
});

test.run();
