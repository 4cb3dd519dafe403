/** A cluster as upstream's charts and controller leave it, taken over by deploy/scripts/take-over.sh, given back, taken again. */
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { startLocalCluster } from "../local-cluster/cluster.ts";
import { policy, type Stage, untilCondition } from "../local-cluster/demo/looks.ts";
import { policiesFolder } from "../local-cluster/demo/manifests.ts";
import { serveModules } from "../local-cluster/demo/module-server.ts";
import { eventually } from "../local-cluster/testing/observe.ts";
import { connectKube } from "../runtime/kube/kube.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { shellFor } from "./shell.ts";
import { upstreamController } from "./upstream/charts.ts";
import { fillAsUpstream } from "./upstream/cluster.ts";
import { namespace } from "./upstream/make.ts";
import { upstreamImage } from "./upstream/policy-server.ts";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const kubectlBinary = await kubectlPath();
// kubectl comes from an npm package that has it for Linux x64 only.
const step = kubectlBinary === undefined ? test.skip : test;

const modules = await serveModules(policiesFolder);
const cluster = await startLocalCluster({
  images: {
    // Only lives and dies as a policy server does: reads the file that it is given, answers the probe.
    "ghcr.io/kubewarden/policy-server": { file: file("doubles/policy-server.ts") },
    "ghcr.io/kubewarden/kubewarden-controller": { file: file("../local-cluster/testing/image.ts") },
  },
});
const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath });
const stage: Stage = {
  kube,
  modulesHost: modules.host,
  wait: { limitMs: 120_000, signal: new AbortController().signal },
};
const { kubectl, script } = shellFor({
  kubectl: kubectlBinary ?? "",
  kubeconfig: cluster.kubeconfigPath,
  home: cluster.dir,
});
test.after(async () => {
  await cluster.stop();
  await modules.stop();
});

const webhookVersion = "admissionregistration.k8s.io/v1";
const validating = { apiVersion: webhookVersion, kind: "ValidatingWebhookConfiguration", name: "clusterwide-checks" };
const mutating = { apiVersion: webhookVersion, kind: "MutatingWebhookConfiguration", name: "clusterwide-changes" };
const server = { apiVersion, kind: "PolicyServer", name: "default" };
const owned = (version: string, kind: string): ObjectRef => ({
  apiVersion: version,
  kind,
  name: "policy-server-default",
  namespace,
});
const deployment = owned("apps/v1", "Deployment"), service = owned("v1", "Service"), leaf = owned("v1", "Secret");
const authority = { ...leaf, name: "kubewarden-ca" };
const controller = { ...deployment, name: upstreamController };
const adopted = [validating, mutating, server, deployment, service, leaf, authority];

type Container = { image: string; env: { name: string; value?: string }[]; readinessProbe: unknown };
const get = async (ref: ObjectRef): Promise<KubeObject> => {
  const found = await kube.get(ref);
  assert.ok(found, `${ref.kind} ${ref.name}`);
  return found!;
};
const containerOf = (object: KubeObject) =>
  (object.spec as { template: { spec: { containers: Container[] } } }).template.spec.containers[0]!;
const dataOf = async (ref: ObjectRef) => JSON.stringify((await get(ref)).data);
const untilActive = async () => {
  for (const name of ["checks", "changes"]) {
    await untilCondition(stage, policy("ClusterAdmissionPolicy", name), "PolicyActive");
  }
};
/** Webhook configurations of policies that were missing at some moment. */
const gaps: string[] = [];
cluster.api.storage.onEvent((resource, { type, object }) => {
  if (type === "DELETED" && /webhookconfigurations/.test(resource)) gaps.push(object.metadata.name);
});

const before = new Map<string, KubeObject>();
step("a cluster as upstream leaves it runs, and its controller's webhooks guard the policies", async () => {
  await fillAsUpstream(kube, {
    crds: file("../deploy/kustomize/base"),
    module: `http://${modules.host}/privileged-pods/policy.wasm`,
    insecureSource: modules.host,
  });
  await untilCondition(stage, deployment, "Available");
  for (const ref of adopted) before.set(`${ref.kind} ${ref.name}`, await get(ref));
});

step("take-over: what is there is adopted, nothing is lost, and no webhook is away at any moment", async () => {
  const said = await script("take-over.sh");
  assert.match(said, upstreamImage);
  assert.equal(gaps.filter((each) => each.startsWith("clusterwide-")), []);
  assert.equal(gaps.sort(), [
    "kubewarden-controller-mutating-webhook-configuration",
    "kubewarden-controller-validating-webhook-configuration",
  ]);
  for (const ref of adopted) {
    assert.is((await get(ref)).metadata.uid, before.get(`${ref.kind} ${ref.name}`)?.metadata.uid, ref.kind);
  }
  for (const ref of [leaf, authority]) {
    assert.is(await dataOf(ref), JSON.stringify(before.get(`${ref.kind} ${ref.name}`)?.data), ref.name);
  }
  assert.is((await get(controller)).spec && ((await get(controller)).spec as { replicas: number }).replicas, 0);
  await untilActive();
});

step(
  "take-over: a PolicyServer keeps upstream's image, with the configuration and the probe that it knows",
  async () => {
    const { spec, metadata } = await get(server);
    assert.equal(spec, before.get("PolicyServer default")?.spec);
    assert.equal(metadata.finalizers, ["kubewarden.io/finalizer"]);
    const now = await get(deployment), then = before.get("Deployment policy-server-default")!;
    const present = containerOf(now), former = containerOf(then);
    assert.is(present.image, upstreamImage);
    assert.equal(present.readinessProbe, former.readinessProbe);
    const byName = (list: Container["env"]) => new Map(list.map(({ name, value }) => [name, value]));
    for (const [name, value] of byName(former.env)) assert.is(byName(present.env).get(name), value, name);
    assert.equal([...byName(present.env).keys()].filter((name) => !byName(former.env).has(name)), [
      "KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_NAMESPACE",
    ]);
    assert.equal((now.spec as { selector: unknown }).selector, (then.spec as { selector: unknown }).selector);
  },
);

step("take-over: webhooks are owned by the namespace and trust the authority that was there", async () => {
  const { uid } = (await get({ apiVersion: "v1", kind: "Namespace", name: namespace })).metadata;
  for (const ref of [validating, mutating]) {
    const { metadata, webhooks } = await get(ref);
    assert.equal(metadata.ownerReferences?.map((each) => each.uid), [uid]);
    const [entry] = webhooks as { clientConfig: { caBundle: string } }[];
    const { data } = await get(authority);
    assert.is(entry?.clientConfig.caBundle, (data as Record<string, string>)["ca.crt"]);
  }
});

step(
  "take-over: what leaves a PolicyServer afterwards leaves its Deployment, though upstream's controller wrote it",
  async () => {
    const env = [{ name: "KUBEWARDEN_LOG_LEVEL", value: "info" }];
    await kube.patch(server, { spec: { env } }, { type: "merge" });
    await eventually(
      "the variable gone",
      async () => !containerOf(await get(deployment)).env.some(({ name }) => name === "OF_OLD"),
    );
    const annotations = (await get(deployment)).metadata.annotations ?? {};
    assert.equal(
      Object.keys(annotations).filter((each) => each.startsWith("kubewarden.io/managed-")),
      [],
    );
  },
);

step("take-over: the definitions are ours, and the version that they do not serve is forgotten", async () => {
  const crds = JSON.parse(await kubectl(["get", "crds", "-o", "json"])).items as KubeObject[];
  assert.is(crds.length, 5);
  for (const { status } of crds) assert.equal((status as { storedVersions: string[] }).storedVersions, ["v1"]);
});

step("take-over: a PolicyServer changes to our image and back, and its policies stay active", async () => {
  for (const image of ["registry.example.com/kubewarden-edge:0.1.0", upstreamImage]) {
    await kubectl(["patch", "policyserver", "default", "--type=merge", "-p", JSON.stringify({ spec: { image } })]);
    await eventually("the image in the Deployment", async () => containerOf(await get(deployment)).image === image);
    await kubectl(["rollout", "status", "deployment/policy-server-default", "-n", namespace, "--timeout=120s"]);
    await untilActive();
  }
  assert.equal(gaps.filter((each) => each.startsWith("clusterwide-")), []);
});

step("take-over: --undo starts upstream's controller again, with its own webhooks", async () => {
  await script("take-over.sh", "--undo");
  assert.is(((await get(controller)).spec as { replicas: number }).replicas, 1);
  assert.is(await kubectl(["get", "deployments", "reconciler", "-n", namespace, "--ignore-not-found"]), "");
  const webhooks = await kubectl([
    "get",
    "validatingwebhookconfigurations,mutatingwebhookconfigurations",
    "-o",
    "name",
  ]);
  assert.equal(webhooks.match(/kubewarden-controller-\w+/g)?.sort(), [
    "kubewarden-controller-mutating",
    "kubewarden-controller-validating",
  ]);
  for (const ref of [validating, mutating, deployment, service]) await get(ref);
});

step(
  "take-over: --finish removes what is left of upstream, and Helm's memory of it, but not the authority",
  async () => {
    await script("take-over.sh", "--backup", "again");
    await script("take-over.sh", "--finish");
    assert.is(await kube.get(controller), undefined);
    const secrets = await kubectl(["get", "secrets", "-n", namespace, "-o", "name"]);
    assert.not.match(secrets, /sh\.helm\.release/);
    assert.not.match(secrets, /kubewarden-webhook-server-cert/);
    assert.match(secrets, /secret\/kubewarden-ca\n/);
    assert.match(secrets, /secret\/kubewarden-audit-scanner-client-cert/);
    assert.not.match(await kubectl(["get", "leases", "-n", namespace, "-o", "name"]), /a4ddbf36/);
    await untilActive();
    assert.equal(gaps.filter((each) => each.startsWith("clusterwide-")), []);
  },
);

test.run();
