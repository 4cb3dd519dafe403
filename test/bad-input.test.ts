import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import { groupCases } from "../contracts/crd-cases/groups.ts";
import { policyCases } from "../contracts/crd-cases/policies.ts";
import { policyServerCases } from "../contracts/crd-cases/policy-servers.ts";
import { KubewardenError } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { apiVersion, labels, uniqueName } from "../contracts/names.ts";
import {
  type PodWish,
  policy,
  tryPod,
  untilCondition,
  untilDenied,
  untilGone,
  untilPolicyStatus,
} from "../local-cluster/demo/looks.ts";
import { until } from "../local-cluster/demo/until.ts";
import { sleep } from "../runtime/sleep.ts";
import { applyAll, deploymentsNamespace, installedCluster, servingPods, untilObject } from "./installed-cluster.ts";
import { denialOfGreedy, greedy } from "./privileged-pods.ts";

const folder = await mkdtemp(join(tmpdir(), "bad-modules-"));
await writeFile(join(folder, "text.wasm"), "this is not WebAssembly");
await writeFile(join(folder, "empty.wasm"), Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const installed = await installedCluster({ moreModules: folder });
const { kube, stage, modules } = installed;
test.after(async () => {
  await installed.stop();
  await rm(folder, { recursive: true });
});

const owners = policy("ClusterAdmissionPolicy", "owners");
const clusterwide = (name: string) => policy("ClusterAdmissionPolicy", name);
const ownersModule = `${modules.examples}/required-labels/policy.wasm`;

/** A policy that looks at the Pods labelled `looked-at-by=<name>` only. */
function policyOn(name: string, module: string, more: Record<string, unknown> = {}): KubeObject {
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }];
  const objectSelector = { matchLabels: { "looked-at-by": name } };
  const spec = { module, mutating: false, rules, objectSelector, ...more };
  return { apiVersion, kind: "ClusterAdmissionPolicy", metadata: { name }, spec };
}

const podFor = (name: string, more: Partial<PodWish> = {}): PodWish => ({
  name: `for-${name}`,
  labels: { "looked-at-by": name },
  ...more,
});

const webhookFor = (name: string) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  name: uniqueName("ClusterAdmissionPolicy", { name }),
});

/** The words of a refusal; "admitted" if it is none. */
async function refusalOf(wish: PodWish): Promise<string> {
  const answer = await tryPod(stage, wish, true);
  return typeof answer === "string" ? answer : "admitted";
}

/** What was registered before the bad input came still decides. */
async function assertServing(): Promise<void> {
  assert.match(await refusalOf(greedy), denialOfGreedy);
  assert.match(await refusalOf(podFor("owners")), "Missing required labels: owner");
}

const defaultPods = () => servingPods(installed);

async function podStates(): Promise<{ name: string; ready: boolean; restarts: number }[]> {
  const selector = { namespace: deploymentsNamespace, labelSelector: `${labels.policyServer}=default` };
  const { items } = await kube.list({ apiVersion: "v1", kind: "Pod" }, selector);
  return items.map(({ metadata: { name }, status }) => {
    type Status = { containerStatuses?: { restartCount: number; ready: boolean }[] };
    const [container] = (status as Status).containerStatuses ?? [];
    return { name, ready: container?.ready ?? false, restarts: container?.restartCount ?? 0 };
  });
}

async function untilReachable(...names: string[]): Promise<void> {
  for (const name of names) {
    await untilCondition(stage, clusterwide(name), "PolicyUniquelyReachable");
    await untilCondition(stage, clusterwide(name), "PolicyActive");
  }
}

test("a custom resource that breaks a rule is refused with the field and the reason", async () => {
  const cases = [policyServerCases, policyCases, groupCases].flat().filter(({ refusedAt }) => refusedAt !== undefined);
  for (const { what, object, refusedAt = "", because = "" } of cases) {
    const namespace = object.metadata.namespace === undefined ? {} : { namespace: "default" };
    const inPlace = { ...object, metadata: { ...object.metadata, ...namespace } };
    const answer = await kube.create(inPlace, { dryRun: true }).then(() => "accepted", (error) => error);
    assert.instance(answer, KubewardenError, `${what}: ${answer}`);
    assert.is(answer.code, "KUBE_INVALID", `${what}: ${answer.message}`);
    assert.match(answer.message, refusedAt, what);
    assert.match(answer.message, because, what);
  }
});

test("policies become active", async () => {
  await applyAll(kube, [policyOn("owners", ownersModule, { settings: { labels: ["owner"] } })]);
  await untilReachable("privileged-pods", "owners");
  await untilDenied(stage, greedy, denialOfGreedy);
  await untilDenied(stage, podFor("owners"), "Missing required labels: owner");
});

/** Name of a policy that cannot be served, what it asks for, and what its condition must say, by which reason. */
const broken: { name: string; module: string; settings?: unknown; reason: string; says: RegExp }[] = [
  { name: "missing", module: `${modules.more}/nowhere.wasm`, reason: "ModuleFetchFailed", says: /nowhere\.wasm.*404/s },
  {
    name: "no-such-host",
    module: "https://127.0.0.1:1/policy.wasm",
    reason: "ModuleFetchFailed",
    says: /127\.0\.0\.1:1.*refused/is,
  },
  {
    name: "insecure",
    module: "http://127.0.0.1:1/policy.wasm",
    reason: "ModuleFetchFailed",
    says: /"127\.0\.0\.1:1" is not listed in insecure/,
  },
  { name: "not-wasm", module: `${modules.more}/text.wasm`, reason: "ModuleInvalid", says: /invalid wasm file/ },
  {
    name: "no-metadata",
    module: `${modules.more}/empty.wasm`,
    reason: "ModuleInvalid",
    says: /missing protocol version/,
  },
  {
    name: "refuses",
    module: ownersModule,
    settings: { labels: [] },
    reason: "SettingsInvalid",
    says: /labels must be a list with at least one/,
  },
  {
    name: "endless-settings",
    module: `${modules.examples}/hostile/endless-settings.wasm`,
    reason: "SettingsInvalid",
    says: /validate_settings exceeded the allowed execution time/,
  },
];

test("what cannot be served is named by its condition, and what is served stays", async () => {
  const before = await podStates();
  const settings = { labels: ["owner"], colour: "red" };
  await kube.patch(owners, { spec: { settings } }, { type: "merge" });
  await applyAll(
    kube,
    broken.map(({ name, module, settings }) => policyOn(name, module, settings ? { settings } : {})),
  );

  const says = [...broken, { name: "owners", reason: "SettingsInvalid", says: /unknown setting 'colour'/ }];
  for (const { name, reason, says: words } of says) {
    await untilObject(stage, clusterwide(name), (object) => {
      const found = findCondition(object, "PolicyUniquelyReachable");
      if (found?.reason !== reason) return `${found?.status} ${found?.reason}: ${found?.message}`;
      return words.test(found.message) || found.message;
    });
  }
  for (const { name } of broken) {
    await untilPolicyStatus(stage, clusterwide(name), "pending");
    assert.is(await kube.get(webhookFor(name)), undefined, `${name} is not registered`);
  }

  await untilReachable("privileged-pods", "privileged-pods-trusted");
  await untilPolicyStatus(stage, owners, "active");
  const after = await podStates();
  assert.equal(after.filter(({ ready }) => ready), before, "the old pods serve, and no new one");
  assert.ok(after.some(({ restarts }) => restarts > 0), "the new pod is started again and again");
  await assertServing();
});

test("what was broken becomes active once it is mended, and holds nobody up once it is deleted", async () => {
  const [mended, ...others] = broken.map(({ name }) => clusterwide(name));
  for (const ref of others) await kube.remove(ref);
  for (const ref of others) await untilGone(stage, ref);
  await kube.patch(mended!, { spec: { module: ownersModule, settings: { labels: ["colour"] } } }, { type: "merge" });
  await kube.patch(owners, { spec: { settings: { labels: ["owner"], colour: null } } }, { type: "merge" });
  await untilReachable("missing", "owners", "privileged-pods", "privileged-pods-trusted");
  await untilDenied(stage, podFor("missing"), "Missing required labels: colour");
  await assertServing();
});

/** Guests that do wrong, and what a request hears of it. */
const hostile: [string, RegExp][] = [
  ["endless-loop", /exceeded the allowed execution time/],
  ["endless-recursion", /internal server error: Guest call failure: .*(stack|recursion)/i],
  ["huge-answer", /internal server error: /],
  ["invalid-json", /internal server error: .*(JSON|not valid)/],
  ["memory-hog", /internal server error: Guest call failure: .*unreachable/],
  ["trap", /internal server error: Guest call failure: .*unreachable/],
];

test("a guest that loops, traps or answers nonsense is a refusal with a clear message", async () => {
  const modulesOf = (name: string) => `${modules.examples}/hostile/${name}.wasm`;
  const names = [...hostile.map(([name]) => name), "remembers"];
  await applyAll(kube, names.map((name) => policyOn(name, modulesOf(name))));
  await untilReachable(...names);
  for (const [name, says] of hostile) {
    await until(`an answer of ${name}`, async () => {
      const answer = await refusalOf(podFor(name));
      return says.test(answer) || answer;
    }, { ...stage.wait, limitMs: 20_000 });
  }
  for (const _ of [1, 2, 3]) assert.is(await refusalOf(podFor("remembers")), "admitted");
});

test("other policies answer while guests loop, and the CPU is idle afterwards", async () => {
  const before = await cpuSeconds();
  let waiting = 6;
  const loops = Array.from({ length: waiting }, async () => {
    const answer = await refusalOf(podFor("endless-loop"));
    waiting--;
    return answer;
  });
  let roundsMeanwhile = 0;
  while (waiting > 0) {
    await assertServing();
    if (waiting > 0) roundsMeanwhile++;
  }
  for (const answer of await Promise.all(loops)) assert.match(answer, "exceeded the allowed execution time");
  assert.ok(roundsMeanwhile > 0, "others were answered while guests looped");

  if (process.platform !== "linux") return;
  assert.ok(await cpuSeconds() - before > 1, "the loops used the CPU");
  await until("an idle policy server", async () => {
    const start = await cpuSeconds();
    await sleep(1000);
    const used = await cpuSeconds() - start;
    return used < 0.2 || `${used} s of CPU in one second`;
  }, stage.wait);
});

/** CPU time that the processes of the policy server have used so far. */
async function cpuSeconds(): Promise<number> {
  if (process.platform !== "linux") return 0;
  const ticks = defaultPods().flatMap((pod) => pod.pids).map(async (pid) => {
    // The name, in parentheses, may hold spaces; utime and stime are the 14th and 15th field.
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return (await Promise.all(ticks)).reduce((sum, each) => sum + each, 0) / 100;
}

test("after all that the policy server has not restarted", async () => {
  assert.ok((await podStates()).every(({ restarts, ready }) => ready && restarts === 0));
});

test.run();
