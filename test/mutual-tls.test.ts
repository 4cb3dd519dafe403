// Mutual TLS as deploy/README.md describes it, with everything installed: who may call a policy server, and who not.
import { request } from "node:https";
import { tmpdir } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import { messageOf } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { policyServer, untilPolicyStatus } from "../local-cluster/demo/looks.ts";
import { until } from "../local-cluster/demo/until.ts";
import { withEnvironment } from "./controllers-cluster.ts";
import { deploymentsNamespace as namespace, installedCluster, untilObject } from "./installed-cluster.ts";
import { privilegedPods } from "./privileged-pods.ts";
import { selfSigned } from "./self-signed.ts";

const clientCa = { apiVersion: "v1", kind: "ConfigMap", name: "kubewarden-client-ca", namespace };
const deployment = { apiVersion: "apps/v1", kind: "Deployment", name: "policy-server-default", namespace };
const apiServer = await selfSigned("api-server");
const stranger = await selfSigned("stranger");

/** What the component mtls adds. */
function withMutualTls(object: KubeObject): KubeObject {
  return withEnvironment(object, ["reconciler"], { env: { KUBEWARDEN_CLIENT_CA_CONFIGMAP_NAME: clientCa.name } });
}

const installed = await installedCluster({ moreModules: tmpdir(), change: withMutualTls });
const { kube, stage, cluster } = installed;
test.after(() => installed.stop());

/** The status that a pod of the policy server answers a client with, or "refused". */
function ask(identity: { cert?: string; key?: string }): Promise<number | "refused"> {
  const pod = cluster.node.pods().find(({ labels }) => labels["kubewarden/policy-server"] === "default");
  return new Promise((resolve) => {
    const options = { host: pod?.podIP, port: 8443, path: "/validate/none", method: "POST", agent: false as const };
    const outgoing = request({ ...options, ...identity, rejectUnauthorized: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? "refused");
    });
    outgoing.on("error", () => resolve("refused"));
    outgoing.end();
  });
}

let pods = 0;
async function createPod(privileged: boolean): Promise<string> {
  const containers = [{ name: "main", image: "i", ...(privileged && { securityContext: { privileged } }) }];
  const metadata = { name: `pod-${pods++}`, namespace: "default" };
  try {
    await kube.create({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers } });
    return "created";
  } catch (error) {
    return messageOf(error);
  }
}

const deploymentReason = (object: KubeObject, reason: string) => {
  const found = findCondition(object, "DeploymentReconciled");
  return found?.reason === reason || `${found?.reason}: ${found?.message}`;
};

test("mutual TLS: without the authority of clients no policy server starts, and the PolicyServer says what is missing (BT-14)", async () => {
  const server = await untilObject(
    stage,
    policyServer("default"),
    (object) => deploymentReason(object, "ClientCaMissing"),
  );
  assert.match(findCondition(server, "DeploymentReconciled")!.message, `"${clientCa.name}"`);
  assert.is(await kube.get(deployment), undefined);
});

test("mutual TLS: clients of the authority get in, all others do not (BT-14)", async () => {
  const { apiVersion, kind, name } = clientCa;
  await kube.create({ apiVersion, kind, metadata: { name, namespace }, data: { "client-ca.crt": apiServer.cert } });
  await untilPolicyStatus(stage, privilegedPods, "active");
  assert.is(await ask({}), "refused");
  assert.is(await ask(stranger), "refused");
  assert.type(await ask(apiServer), "number");
});

test("mutual TLS: policies are enforced once the API server shows its certificate (BT-14)", async () => {
  await until("the webhook asks", async () => {
    const said = await createPod(false);
    return /failed to call webhook/.test(said) || said;
  }, stage.wait);
  cluster.api.setClientCertificate(apiServer);
  assert.is(await createPod(false), "created");
  assert.match(await createPod(true), "denied the request");
});

test("mutual TLS: an authority that is deleted is told, and takes no running server down (BT-14)", async () => {
  const before = await kube.get(deployment);
  await kube.remove(clientCa);
  await untilObject(stage, policyServer("default"), (object) => deploymentReason(object, "ClientCaMissing"));
  assert.equal((await kube.get(deployment))?.spec, before?.spec);
  assert.match(await createPod(true), "denied the request");
});

test.run();
