import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import { apiVersion } from "../../contracts/names.ts";
import { type LocalCluster, startLocalCluster } from "../../local-cluster/cluster.ts";
import { until } from "../../local-cluster/demo/until.ts";
import { connectKube, type Kube } from "../../runtime/kube/kube.ts";
import type { Flags } from "../../runtime/cli/flag-table.ts";
import { runService, type ServiceSpec } from "../../runtime/process/service.ts";
import { certsService } from "../../services/certs/main.ts";
import { reconciler } from "../../services/reconciler/main.ts";
import { registrarService } from "../../services/webhook-registrar/main.ts";
import type { Use } from "./rights.ts";
import { deploymentsNamespace } from "./moves.ts";
import { policyServerImage, story } from "./story.ts";

const doubleFile = fileURLToPath(new URL("../../test/doubles/policy-server.ts", import.meta.url));
const userPrefix = `system:serviceaccount:${deploymentsNamespace}:`;
const limitMs = 120_000;

/**
 * Installs the objects on a cluster of its own, runs the controllers under their ServiceAccounts and plays the story.
 * Answers what they asked the API server for. Ends with the first request of which `isEnough` holds.
 */
export async function play(
  installation: readonly KubeObject[],
  isEnough: (use: Use) => boolean = () => false,
): Promise<Use[]> {
  const enough = new AbortController(), uses: Use[] = [];
  const cluster = await startLocalCluster({
    disturbances: false,
    images: { "policy-server-double": { file: doubleFile } },
  });
  const running: Promise<void>[] = [];
  const stop = new AbortController();
  cluster.api.setOnDecision(({ username }, { group = "", resource, subresource, verb, name }, { allowed }) => {
    if (!username.startsWith(userPrefix) || resource === undefined) return;
    const use = {
      account: username.slice(userPrefix.length),
      group,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      verb,
      ...(name === undefined ? {} : { name }),
      allowed,
    };
    uses.push(use);
    if (isEnough(use)) enough.abort();
  });
  try {
    const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath, userAgent: "someone" });
    touchWhatLeaves(cluster, kube);
    await install(kube, installation, enough.signal);
    for (const [account, run] of Object.entries(services)) {
      const kubeconfig = await kubeconfigOf(account);
      const env = { POD_NAME: `${account}-0`, POD_NAMESPACE: deploymentsNamespace };
      running.push(run([...quietFlags, "--kubeconfig", kubeconfig], { env, signal: stop.signal }));
    }
    const stage = { kube, modulesHost: "", wait: { limitMs, signal: enough.signal } };
    for (const { title, run } of story) {
      await run(stage).catch((error) => {
        if (!enough.signal.aborted) throw new Error(`the story ended at "${title}"`, { cause: error });
      });
      if (enough.signal.aborted) break;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(running);
    await cluster.stop();
  }
  return uses;

  async function kubeconfigOf(name: string): Promise<string> {
    const account = cluster.api.reader.get({
      apiVersion: "v1",
      kind: "ServiceAccount",
      name,
      namespace: deploymentsNamespace,
    });
    if (account === undefined) throw new Error(`the installation has no ServiceAccount "${name}"`);
    const tokenFile = join(cluster.dir, `${name}.sa-token`), file = join(cluster.dir, `${name}.sa`);
    await writeFile(tokenFile, cluster.api.tokens.issue({ account }, new Date()).token, { mode: 0o600 });
    await writeFile(file, cluster.api.kubeconfig({ tokenFile }), { mode: 0o600 });
    return file;
  }
}

/**
 * Writes to a PolicyServer that goes away just before one of ours does, a few times: who lets it go must then read it
 * once more.
 */
function touchWhatLeaves({ api }: LocalCluster, kube: Kube): void {
  let left = 3;
  api.setOnWrite(async ({ user, verb, resource, phase }) => {
    const isOurs = user.startsWith(userPrefix) && verb === "patch" && resource.startsWith("policyservers.");
    if (!isOurs || phase !== "before") return;
    const leaving = api.reader.list({ apiVersion, kind: "PolicyServer" }).find((each) =>
      each.metadata.deletionTimestamp !== undefined
    );
    if (leaving === undefined || left-- <= 0) return;
    await kube.patch(refOf(leaving), { metadata: { annotations: { touched: `${left}` } } }, { type: "merge" });
  });
}

type Run = (argv: string[], context: { env: Record<string, string>; signal: AbortSignal }) => Promise<void>;

const services: Record<string, Run> = {
  certs: runnerOf(certsService),
  reconciler: runnerOf(reconciler),
  "webhook-registrar": runnerOf(registrarService),
};

function runnerOf<F extends Flags>(spec: ServiceSpec<F>): Run {
  return (argv, context) => runService(spec, argv, context);
}

/** No ports, so that several plays fit on one machine, and a Lease that is soon renewed. */
const quietFlags = [
  ...["--health-probe-bind-address", "0", "--metrics-bind-address", "0", "--log-level", "error"],
  ...["--lease-retry-period", "500ms"],
];

/** Everything but the Deployments: the controllers run in this process, since their start is most of the time. */
async function install(kube: Kube, installation: readonly KubeObject[], signal: AbortSignal): Promise<void> {
  for (const object of installation.filter(({ kind }) => kind !== "Deployment")) {
    await kube.apply(withDouble(object), { fieldManager: "kubectl" });
  }
  for (const crd of installation.filter(({ kind }) => kind === "CustomResourceDefinition")) {
    await until(`CRD ${crd.metadata.name} established`, async () => {
      const status = (await kube.get(refOf(crd)))?.status as { conditions?: { type: string; status: string }[] };
      return status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") || "not yet";
    }, { limitMs, signal, everyMs: 20 });
  }
}

function withDouble(object: KubeObject): KubeObject {
  if (object.metadata.name !== "kubewarden-defaults") return object;
  const data = Object.entries(object.data as Record<string, string>).map(([key, text]) => [
    key,
    `${text.trimEnd()}\n  image: ${policyServerImage}\n`,
  ]);
  return { ...object, data: Object.fromEntries(data) };
}
