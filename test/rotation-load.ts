import { parse } from "yaml";
import { messageOf } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { callWebhook } from "../local-cluster/admission/call.ts";
import { type Stage, tryPod } from "../local-cluster/demo/looks.ts";
import { until } from "../local-cluster/demo/until.ts";
import { certificateBlocks } from "../runtime/pem.ts";
import { sleep } from "../runtime/sleep.ts";
import { withEnvironment } from "./controllers-cluster.ts";
import {
  allShow,
  authoritySecret,
  certificateIn,
  servingSecret,
  textIn,
  untilSignedBy,
} from "./installed-certificates.ts";
import { type InstalledCluster, removedAndMadeAgain, servingPods, untilObject } from "./installed-cluster.ts";
import { denialOfGreedy, greedy, privilegedPodsWebhook } from "./privileged-pods.ts";

/** Admission requests while certificates change: what both the test and `npm run bench -- rotation` do. */

/** How long a client goes on with the webhook it has read, as API servers do that notice changes late. */
const webhookAgeMs = 1000;
/** Longer than clients go on with a former bundle; the usual minute would be most of the time of a test. */
const trustSettleTime = "3s";

/** An installation with several replicas of PolicyServer `default`, whose authority may sign soon after it is trusted. */
export function forRotations(replicas: number): (object: KubeObject) => KubeObject {
  return (object) => {
    if (object.kind === "ConfigMap" && object.metadata.name === "kubewarden-defaults") {
      const [[key, text]] = Object.entries(object.data as Record<string, string>) as [[string, string]];
      const server = parse(text) as { spec: object };
      return { ...object, data: { [key]: JSON.stringify({ ...server, spec: { ...server.spec, replicas } }) } };
    }
    return withEnvironment(object, ["certs"], { env: { KUBEWARDEN_TRUST_SETTLE_TIME: trustSettleTime } });
  };
}

/** Several replicas start and change one after the other, on whatever machine this is. */
export function patient({ stage }: InstalledCluster): Stage {
  return { ...stage, wait: { ...stage.wait, limitMs: 240_000 } };
}

export type LoadResult = { asked: { throughApiServer: number; ofPods: number }; lost: string[] };

/**
 * Asks all the time while `work` lasts, and until there were `atLeast` requests of each kind: Pods through the API server,
 * and reviews of every single policy-server pod over connections of their own, verified by the webhook's caBundle.
 */
export async function underLoad(
  installed: InstalledCluster,
  { work, atLeast }: { work: () => Promise<void>; atLeast: number },
): Promise<LoadResult> {
  const { stage } = installed;
  const result: LoadResult = { asked: { throughApiServer: 0, ofPods: 0 }, lost: [] };
  const { asked, lost } = result;
  let working = true;
  const loop = async (kind: keyof typeof asked, ask: () => Promise<string | undefined>) => {
    while (working || asked[kind] < atLeast) {
      const wrong = await ask().catch((error) => `failed: ${messageOf(error)}`);
      asked[kind]++;
      if (wrong !== undefined) lost.push(wrong);
      await sleep(20);
    }
  };
  const viaApiServer = async () => {
    const answer = await tryPod(stage, greedy, true);
    return typeof answer === "string" && answer.includes(denialOfGreedy)
      ? undefined
      : `wrong: ${JSON.stringify(answer)}`;
  };
  const pods = servingPods(installed);
  const webhook = cached(webhookAgeMs, async () => (await installed.kube.get(privilegedPodsWebhook))!);
  const loads = [
    loop("throughApiServer", viaApiServer),
    loop("throughApiServer", viaApiServer),
    ...pods.map(({ podIP }) => loop("ofPods", async () => await askPod(await webhook(), podIP))),
  ];
  await work().finally(() => working = false);
  await Promise.all(loads);
  return result;
}

/** Makes certs issue another authority (docs/certificates.md), and waits until all pods show certificates of it. */
export async function rotateAuthority(installed: InstalledCluster): Promise<void> {
  const { kube } = installed, stage = patient(installed);
  const former = (await kube.get(authoritySecret))!;
  await kube.patch(authoritySecret, [{ op: "remove", path: "/data/ca.key" }], { type: "json" });
  const made = await untilObject(
    stage,
    authoritySecret,
    (secret) => textIn(secret, "ca.crt") !== textIn(former, "ca.crt") || "the former authority",
  );
  await untilServed(installed, await untilSignedBy(stage, made));
}

/** Ends the trust in former authorities before they expire, and waits until webhooks trust the present one alone. */
export async function endFormerTrust(installed: InstalledCluster): Promise<void> {
  const { kube } = installed, stage = patient(installed);
  await kube.patch(authoritySecret, [{ op: "remove", path: "/data/old-ca.crt" }], { type: "json" });
  await untilObject(stage, privilegedPodsWebhook, (webhook) => {
    const count = certificateBlocks(bundleOf(webhook)).length;
    return count === 1 || `${count} authorities`;
  });
}

/** Has the serving certificate made anew by the same authority, and waits until all pods show it. */
export async function replaceServingCertificate(installed: InstalledCluster): Promise<void> {
  const { made } = await removedAndMadeAgain(patient(installed), servingSecret);
  await untilServed(installed, made);
}

async function askPod(webhook: KubeObject, host: string): Promise<string | undefined> {
  const [entry] = webhook.webhooks as Parameters<typeof callWebhook>[0][];
  const version = { group: "", version: "v1" };
  const request = {
    uid: crypto.randomUUID(),
    kind: { ...version, kind: "Pod" },
    resource: { ...version, resource: "pods" },
    namespace: "default",
    operation: "CREATE",
    userInfo: { username: "someone" },
    object: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "greedy" },
      spec: { containers: [{ name: "main", image: "a", securityContext: { privileged: true } }] },
    },
  };
  const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
  const resolveService = () => ({ host, port: 8443 });
  const answer = await callWebhook(entry!, review, { resolveService, signal: new AbortController().signal });
  return answer.includes(request.uid) && answer.includes(denialOfGreedy) ? undefined : `wrong: ${answer}`;
}

/** Shares one value for so long among all who ask. */
function cached<T>(forMs: number, read: () => Promise<T>): () => Promise<T> {
  let known: { value: Promise<T>; readAt: number } | undefined;
  return () => {
    if (!known || performance.now() - known.readAt > forMs) known = { value: read(), readAt: performance.now() };
    return known.value;
  };
}

async function untilServed(installed: InstalledCluster, serving: KubeObject): Promise<void> {
  const wanted = certificateIn(serving, "tls.crt");
  const what = "pods that show the certificate of the Secret";
  await until(what, () => allShow(servingPods(installed), wanted), patient(installed).wait);
}

function bundleOf(webhook: KubeObject): string {
  const [entry] = webhook.webhooks as { clientConfig: { caBundle: string } }[];
  return atob(entry!.clientConfig.caBundle);
}
