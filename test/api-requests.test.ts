/**
 * How many requests to the API one change of one policy takes of each controller, counted by the controllers themselves
 * (kubewarden_api_requests_total), with other policies present.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { controllerServiceAccounts as controllers } from "../contracts/names.ts";
import { eventually, objectWhere } from "../local-cluster/testing/observe.ts";
import { sleep } from "../runtime/sleep.ts";
import {
  doublePolicyServer,
  policyRef,
  requestsOf,
  startControllersCluster,
  uncalledPolicy,
} from "./controllers-cluster.ts";

const { kube, pods, stop } = await startControllersCluster();
test.after(stop);

type Counts = Record<string, Record<string, number>>;

async function countsNow(): Promise<Counts> {
  const all = await Promise.all(
    controllers.map(async (each) => [each, Object.fromEntries(await requestsOf(pods(each)))]),
  );
  return Object.fromEntries(all);
}

/** The counts once nothing has been asked for two seconds. */
async function countsAtRest(): Promise<Counts> {
  let last = "", unchanged = 0;
  return await eventually("controllers that ask nothing", async () => {
    await sleep(200);
    const now = await countsNow(), text = JSON.stringify(now);
    unchanged = text === last ? unchanged + 1 : 0;
    last = text;
    return unchanged >= 10 && now;
  }, { last: () => last });
}

/** What the controllers asked because of a change, until they were at rest again. */
async function requestsFor(change: () => Promise<unknown>): Promise<Counts> {
  const before = await countsAtRest();
  await change();
  const after = await countsAtRest();
  return Object.fromEntries(controllers.map((controller) => {
    const more = Object.entries(after[controller] ?? {}).map(([what, count]) =>
      [what, count - (before[controller]?.[what] ?? 0)] as const
    );
    return [controller, Object.fromEntries(more.filter(([, count]) => count > 0))];
  }));
}

const isActive = (object: KubeObject) => {
  const active = findCondition(object, "PolicyActive"), reachable = findCondition(object, "PolicyUniquelyReachable");
  return active?.status === "True" && reachable?.status === "True" &&
    reachable.observedGeneration === object.metadata.generation;
};
const untilActive = (name: string) => objectWhere(kube, policyRef(name), isActive);

test.before(async () => {
  await objectWhere(
    kube,
    { apiVersion: "apps/v1", kind: "Deployment", name: "certs", namespace: "kubewarden" },
    () => true,
  );
  await kube.create(doublePolicyServer("default"));
  for (let index = 0; index < 10; index++) await kube.create(uncalledPolicy(`present-${index}`, "default"));
  for (let index = 0; index < 10; index++) await untilActive(`present-${index}`);
});

/** Kinds in short, with the largest number of requests that is right. */
type Limits = Partial<Record<"certs" | "reconciler" | "webhook-registrar", Record<string, number>>>;

const short: [RegExp, string][] = [
  [/clusteradmissionpolicies\.policies\.kubewarden\.io/, "policies"],
  [/\.admissionregistration\.k8s\.io|\.apps/, ""],
];
const inShort = (what: string) => short.reduce((text, [long, word]) => text.replace(long, word), what);

/** While no cache shows a webhook that may stand, before its policy is served and after it is gone, it is looked for. */
const looks = { "get validatingwebhookconfigurations": 2, "get mutatingwebhookconfigurations": 2 };

/** One write of a status changes two things that are worth an Event at most: a condition and `policyStatus`, say. */
function eventsFor(requests: Record<string, number>): Record<string, number> {
  const statuses = Object.entries(requests).filter(([what]) => what.endsWith("/status"));
  const most = 2 * statuses.reduce((sum, [, count]) => sum + count, 0);
  const { "create events": created = 0 } = requests;
  return { "create events": most, "patch events": most - created };
}

/** Every request is one of those allowed, and none is sent more often. */
function assertWithin(counts: Counts, limits: Limits): void {
  for (const [controller, requests] of Object.entries(counts)) {
    const allowed: Record<string, number> = { ...eventsFor(requests), ...limits[controller as keyof Limits] };
    for (const [what, count] of Object.entries(requests)) {
      const most = allowed[inShort(what)] ?? 0;
      assert.ok(count <= most, `${controller}: ${count} times "${inShort(what)}", at most ${most} expected`);
    }
  }
}

/**
 * A rollout: both ConfigMaps, the Deployment, and what is out of use goes. `PodsReady` of the server follows it, from one
 * pod that is not ready to the next; before it becomes True the Deployment is looked at, by its name in a list.
 */
const rollout = {
  "patch configmaps": 2,
  "patch deployments": 1,
  "delete configmaps": 2,
  "list deployments": 2,
  "patch policyservers.policies.kubewarden.io/status": 3,
};

/** Before `PodsReady` is said of a rollout, and before a certificate authority counts as trusted by all webhooks. */
const isLiveLook = /^list (deployments|validatingwebhookconfigurations|mutatingwebhookconfigurations)/;

test("requests: each kind is listed once at the start", async () => {
  for (const [controller, requests] of Object.entries(await countsAtRest())) {
    const lists = Object.entries(requests).filter(([what]) => what.startsWith("list "));
    assert.ok(lists.length > 0);
    // ConfigMaps: those of the policy servers, and the one with the defaults.
    for (const [what, count] of lists) {
      if (isLiveLook.test(what)) continue;
      assert.is(count, what === "list configmaps" ? 2 : 1, `${controller}: ${what}`);
    }
  }
});

test("requests: a new policy rolls out once and touches no other policy", async () => {
  const counts = await requestsFor(async () => {
    await kube.create(uncalledPolicy("one", "default"));
    await untilActive("one");
  });
  assertWithin(counts, {
    // Not configured, configured, reachable; twice one more for another reason why it waits.
    reconciler: { ...rollout, "patch policies/status": 5 },
    // scheduled, pending, active and such reasons; the finalizer; the webhook, tried without effect before.
    "webhook-registrar": {
      "patch policies/status": 6,
      "patch policies": 2,
      "get policies": 1,
      "get deployments": 1,
      "patch validatingwebhookconfigurations": 2,
      ...looks,
    },
  });
});

test("requests: an edit of settings rolls out once and leaves the webhook alone", async () => {
  const counts = await requestsFor(async () => {
    await kube.patch(policyRef("one"), { spec: { settings: { level: 2 } } }, { type: "merge" });
    await untilActive("one");
  });
  assertWithin(counts, {
    reconciler: { ...rollout, "patch policies/status": 5 },
    "webhook-registrar": { "patch policies/status": 2 },
  });
});

test("requests: an edit of rules writes the webhook and rolls out nothing", async () => {
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], resources: ["endpoints"], operations: ["CREATE", "UPDATE"] }];
  const counts = await requestsFor(async () => {
    await kube.patch(policyRef("one"), { spec: { rules } }, { type: "merge" });
    await untilActive("one");
  });
  assertWithin(counts, {
    reconciler: { "patch policies/status": 1 },
    "webhook-registrar": { "patch policies/status": 2, "patch validatingwebhookconfigurations": 2 },
  });
});

test("requests: what others write about our objects costs nothing", async () => {
  const note = { metadata: { annotations: { note: "theirs" } } };
  const counts = await requestsFor(async () => {
    for (const each of ["Deployment", "Service", "ConfigMap"]) {
      const apiVersion = each === "Deployment" ? "apps/v1" : "v1";
      const ref = { apiVersion, kind: each, name: "policy-server-default", namespace: "kubewarden" };
      await kube.patch(ref, note, { type: "merge" });
    }
    await kube.patch(policyRef("one"), note, { type: "merge" });
  });
  assertWithin(counts, {});
});

test("requests: a deletion takes the webhook and the finalizer away and rolls out once", async () => {
  const counts = await requestsFor(async () => {
    await kube.remove(policyRef("one"));
    await eventually("the policy is gone", async () => !await kube.get(policyRef("one")));
  });
  assertWithin(counts, {
    reconciler: { ...rollout, "patch policies/status": 2 },
    // Both kinds are deleted unseen; a pass that comes before the caches show it finds nothing left to do.
    "webhook-registrar": {
      "patch policies/status": 1,
      // Its finalizer; tried again where someone else's write came between.
      "patch policies": 4,
      "get policies": 2,
      "delete validatingwebhookconfigurations": 2,
      "delete mutatingwebhookconfigurations": 2,
      ...looks,
    },
  });
});

test.run();
