/** The overlays for high availability, rendered by a real kubectl and applied to the local cluster's API server. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { apiVersion, controllerServiceAccounts as controllers } from "../contracts/names.ts";
import { startApiServer } from "../local-cluster/api/server.ts";
import { eventually } from "../local-cluster/testing/observe.ts";
import { connectKube } from "../runtime/kube/kube.ts";
import { kubectlPath } from "../tools/kubectl.ts";

const overlays = join(dirname(fileURLToPath(import.meta.url)), "../deploy/kustomize/overlays");
const kubectl = await kubectlPath();
// kubectl comes from an npm package that has it for Linux x64 only.
const step = kubectl === undefined ? test.skip : test;

async function rendered(overlay: string): Promise<KubeObject[]> {
  const { stdout, stderr } = await promisify(execFile)(kubectl ?? "", ["kustomize", join(overlays, overlay)]);
  assert.is(stderr, "");
  return parseAllDocuments(stdout).map((each) => each.toJS() as KubeObject);
}

type Deployment = KubeObject & {
  spec: {
    replicas: number;
    template: {
      spec: { containers: { env: { name: string; value?: string }[] }[]; topologySpreadConstraints: unknown[] };
    };
  };
};
const deploymentsIn = (objects: KubeObject[]) => objects.filter(({ kind }) => kind === "Deployment") as Deployment[];
const shares = ({ spec }: Deployment) =>
  spec.template.spec.containers[0]!.env.some(({ name, value }) => name === "KUBEWARDEN_SHARDING" && value === "true");

step("overlay ha: two spread replicas of each controller, budgets, and a default PolicyServer of two", async () => {
  const objects = await rendered("ha");
  for (const deployment of deploymentsIn(objects)) {
    assert.is(deployment.spec.replicas, 2);
    assert.is(deployment.spec.template.spec.topologySpreadConstraints.length, 2);
    assert.is(shares(deployment), false);
  }
  const budgets = objects.filter(({ kind }) => kind === "PodDisruptionBudget");
  assert.equal(budgets.map(({ metadata }) => metadata.name), [...controllers].sort());
  const defaults = objects.find(({ metadata }) => metadata.name === "kubewarden-defaults")?.data as Record<
    string,
    string
  >;
  const { spec } = parse(defaults["policy-server-default.yaml"]!) as { spec: Record<string, unknown> };
  assert.equal([spec.replicas, spec.minAvailable], [2, 1]);
});

step("overlay sharded: three replicas of the reconciler and of the registrar share the work", async () => {
  for (const deployment of deploymentsIn(await rendered("sharded"))) {
    const isShared = deployment.metadata.name !== "certs";
    assert.is(deployment.spec.replicas, isShared ? 3 : 2);
    assert.is(shares(deployment), isShared);
  }
});

step("overlay sharded: an API server takes every object of it, and the default PolicyServer", async () => {
  const api = await startApiServer(), folder = await mkdtemp(join(tmpdir(), "overlays-"));
  try {
    await writeFile(join(folder, "kubeconfig"), api.kubeconfig());
    const kube = await connectKube({ kubeconfig: join(folder, "kubeconfig") });
    const objects = await rendered("sharded");
    for (const object of objects) await kube.apply(object, { fieldManager: "kubectl" });
    const defaults = objects.find(({ metadata }) => metadata.name === "kubewarden-defaults")?.data as Record<
      string,
      string
    >;
    const server = parse(defaults["policy-server-default.yaml"]!) as KubeObject;
    assert.is(server.apiVersion, apiVersion);
    await eventually("its kind is served", () => kube.create(server));
  } finally {
    await api.stop();
    await rm(folder, { recursive: true });
  }
});

test.run();
