import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubewardenError } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { connectKube, type Kube } from "../runtime/kube/kube.ts";
import { type Log, silentLog } from "../runtime/telemetry/log.ts";
import { currentRuntime, type RuntimeName } from "../tools/runtimes.ts";
import { seededRandom } from "./api/random.ts";
import { type ApiServer, startApiServer } from "./api/server.ts";
import type { LogOptions } from "./node/container-log.ts";
import type { ImageTable } from "./node/images.ts";
import { LocalNode } from "./node/node.ts";
import type { Pod } from "./workloads/pod.ts";
import { delaysFor, runControllers } from "./workloads/controllers.ts";

export type LocalClusterOptions = {
  /** What pods run on; default the runtime of this process. */
  runtime?: RuntimeName;
  /** Where pods' folders and the kubeconfig go; default a temporary folder that `stop` removes. */
  dir?: string;
  seed?: number;
  /** Lags, ended watches and late files as on a real, busy cluster; on unless told otherwise. */
  disturbances?: boolean;
  log?: Log;
  /** More images than our own, as scripts: for tests. */
  images?: ImageTable;
};

export type LocalCluster = {
  readonly url: string;
  /** The administrator's. */
  readonly kubeconfigPath: string;
  readonly dir: string;
  readonly api: ApiServer;
  readonly node: LocalNode;
  /** Ends every pod's processes, then the cluster. */
  stop(): Promise<void>;
};

/** Starts a Kubernetes API on loopback with its controllers and a node that runs our images as processes. */
export async function startLocalCluster(options: LocalClusterOptions = {}): Promise<LocalCluster> {
  const { seed = 1, disturbances = true, log = silentLog, runtime = currentRuntime, images = {} } = options;
  const dir = options.dir ?? await mkdtemp(join(tmpdir(), "kubewarden-local-"));
  await mkdir(dir, { recursive: true });
  const random = seededRandom(seed + 1);
  const delays = delaysFor(random, disturbances);
  const api = await startApiServer({ seed, disturbances, log: log.child({ part: "api" }) });
  const stopping = new AbortController();
  let controllers: Promise<void> | undefined, node: LocalNode | undefined;
  try {
    const kubeconfigPath = join(dir, "kubeconfig");
    await writeFile(kubeconfigPath, api.kubeconfig(), { mode: 0o600 });
    const admin = await connectKube({ kubeconfig: kubeconfigPath, userAgent: "local-cluster" });
    const connectAs = (name: string) => connectSystemAccount(admin, { api, dir, name });
    const kube = await connectAs("controller-manager");
    const signal = stopping.signal;
    controllers = runControllers({ kube, api, log: log.child({ part: "controllers" }), delays, signal });
    node = new LocalNode({
      kube: await connectAs("node"),
      log: log.child({ part: "node" }),
      folder: dir,
      isTemporary: options.dir === undefined,
      runtime,
      images,
      issueToken: async (pod) => tokenFor(api, pod),
      accessEnvironment: async (folder, tokenFile) => {
        const path = join(folder, "kubeconfig");
        await writeFile(path, api.kubeconfig({ tokenFile }), { mode: 0o600 });
        return { KUBECONFIG: path };
      },
      volumeDelayMs: delays.volumeMs,
    });
    servePodLogs(api, node);
    await node.start();
    return { url: api.url, kubeconfigPath, dir, api, node, stop };
  } catch (error) {
    await stop();
    throw error;
  }

  async function stop(): Promise<void> {
    await node?.stop();
    stopping.abort();
    await controllers;
    await api.stop();
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  }
}

/** The cluster's own parts are ServiceAccounts in kube-system that may do everything, each with a token file. */
async function connectSystemAccount(
  admin: Kube,
  { api, dir, name }: { api: ApiServer; dir: string; name: string },
): Promise<Kube> {
  const namespace = "kube-system";
  const account = await admin.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
  await admin.create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: `system:local-cluster:${name}` },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
  const tokenFile = join(dir, `${name}.token`), kubeconfig = join(dir, `${name}.kubeconfig`);
  const { token } = api.tokens.issue({ account, expirationSeconds: oneYearSeconds }, new Date());
  await writeFile(tokenFile, token, { mode: 0o600 });
  await writeFile(kubeconfig, api.kubeconfig({ tokenFile }), { mode: 0o600 });
  return await connectKube({ kubeconfig, userAgent: name });
}

/** As long as a real API server lets the tokens of pods live (`--service-account-extend-token-expiration`). */
const oneYearSeconds = 365 * 24 * 3600;

function tokenFor(api: ApiServer, pod: Pod): string {
  const { serviceAccountName: name = "default" } = pod.spec;
  const { namespace } = pod.metadata;
  const account = api.reader.get({ apiVersion: "v1", kind: "ServiceAccount", name, namespace });
  if (!account) throw new KubewardenError("KUBE_NOT_FOUND", `ServiceAccount "${namespace}/${name}" does not exist`);
  return api.tokens.issue({ account, pod, expirationSeconds: oneYearSeconds }, new Date()).token;
}

function servePodLogs(api: ApiServer, node: LocalNode): void {
  api.hooks.podLogs = async (pod: KubeObject, query: URLSearchParams, signal: AbortSignal) => {
    const lines = node.log(pod as Pod, { ...logOptionsOf(query), signal })[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const next = await lines.next();
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      cancel: async () => void await lines.return?.(),
    });
    return new Response(body, { headers: { "Content-Type": "text/plain" } });
  };
}

function logOptionsOf(query: URLSearchParams): LogOptions {
  const number = (name: string) => query.has(name) ? { [name]: Number(query.get(name)) } : {};
  const flag = (name: string) => query.get(name) === "true" ? { [name]: true } : {};
  const container = query.get("container");
  return {
    ...(container === null ? {} : { container }),
    ...flag("previous"),
    ...flag("follow"),
    ...flag("timestamps"),
    ...number("tailLines"),
    ...number("sinceSeconds"),
  };
}
