// Flags of the reconciler against a real API: what they do to a policy server, and that nothing of it stays without them.
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { type ControllerBench, policyServer, startControllerBench, until } from "./controller-under-test.ts";

const namespace = "kubewarden", name = "policy-server-default";
const deployment: ObjectRef = { apiVersion: "apps/v1", kind: "Deployment", name, namespace };
const service: ObjectRef = { apiVersion: "v1", kind: "Service", name, namespace };
const clientCa: ObjectRef = { apiVersion: "v1", kind: "ConfigMap", name: "client-ca", namespace };
const collector = {
  OTEL_EXPORTER_OTLP_ENDPOINT: "https://localhost:1",
  OTEL_EXPORTER_OTLP_CERTIFICATE: "/otel/ca.crt",
};

const bench = await startControllerBench();
const { kube } = bench;
test.after(() => bench.stop());

type Pod = {
  hostNetwork?: boolean;
  dnsPolicy: string;
  imagePullSecrets?: object[];
  volumes: { name: string }[];
  containers: { env: { name: string; value?: string }[] }[];
};
type Spec = { replicas: number; template: { metadata: { annotations?: object }; spec: Pod } };
const specOf = ({ spec }: KubeObject) => spec as Spec;
const valueOf = (object: KubeObject, variable: string) =>
  specOf(object).template.spec.containers[0]!.env.find(({ name }) => name === variable)?.value;
const portsOf = ({ spec }: KubeObject) =>
  (spec as { ports: { name: string; port: number; targetPort: number }[] }).ports
    .map(({ name, port, targetPort }) => `${name} ${port} -> ${targetPort}`);

/** The Deployment and the Service as a reconciler with these flags leaves them. */
async function under(args: string[], isDone: (deployment: KubeObject) => boolean) {
  const stop = await bench.start("reconciler", ["--no-leader-elect", ...args]);
  const found = await until(`a Deployment with ${args.join(" ")}`, async () => {
    const [seen, ports] = [await kube.get(deployment), await kube.get(service)];
    return seen && ports && isDone(seen) ? { deployment: seen, service: ports } : undefined;
  });
  await stop();
  return found;
}

/** Says what certs would. */
async function certify({ kube }: ControllerBench, { metadata: { uid } }: KubeObject): Promise<void> {
  const lastTransitionTime = "2030-01-01T00:00:00Z", reason = "ReconciliationSucceeded", message = "";
  const condition = { type: "CertSecretReconciled", status: "True", reason, message, lastTransitionTime };
  const body = { apiVersion, kind: "PolicyServer", metadata: { name: "default", uid } };
  await kube.apply({ ...body, status: { conditions: [condition] } }, {
    fieldManager: "certs",
    subresource: "status",
    force: true,
  });
}

test("flags: what they do to a policy server goes with them (BT-14, BT-15, BT-16)", async () => {
  const server = policyServer("default");
  await certify(bench, await kube.create({ ...server, spec: { ...server.spec as object, image: "i:1" } }));
  const { apiVersion: v1, kind } = clientCa;
  await kube.create({
    apiVersion: v1,
    kind,
    metadata: { name: clientCa.name, namespace },
    data: { "client-ca.crt": "P" },
  });

  const plain = await under([], () => true);
  assert.equal(portsOf(plain.service), ["policy-server 443 -> 8443"]);

  Object.assign(process.env, collector);
  const mutual = ["--client-ca-configmap-name", "client-ca", "--image-pull-secrets", "a,b", "--host-network"];
  const pushing = ["--enable-metrics", "--enable-tracing", "--opentelemetry-certificate-secret", "collector-ca"];
  const flagged = await under([...mutual, ...pushing], (each) => specOf(each).template.spec.hostNetwork === true);
  for (const name of Object.keys(collector)) delete process.env[name];
  const pod = specOf(flagged.deployment).template.spec;
  assert.equal(pod.dnsPolicy, "ClusterFirstWithHostNet");
  assert.equal(pod.imagePullSecrets, [{ name: "a" }, { name: "b" }]);
  assert.equal(pod.volumes.slice(-3).map((each) => each.name), [
    "otel-collector-certificate",
    "kubewarden-ca-cert",
    "client-ca-cert",
  ]);
  assert.is(valueOf(flagged.deployment, "KUBEWARDEN_CLIENT_CA_FILE"), "/ca/ca.crt,/client-ca/client-ca.crt");
  assert.is(valueOf(flagged.deployment, "OTEL_EXPORTER_OTLP_ENDPOINT"), collector.OTEL_EXPORTER_OTLP_ENDPOINT);
  assert.equal(portsOf(flagged.service), ["policy-server 443 -> 8443", "metrics 8080 -> 8081"]);

  const sidecar = await under(
    ["--enable-metrics", "--enable-otel-sidecar"],
    (each) => valueOf(each, "OTEL_EXPORTER_OTLP_ENDPOINT") === "http://localhost:4317",
  );
  const { template } = specOf(sidecar.deployment);
  assert.equal(template.metadata.annotations, { "sidecar.opentelemetry.io/inject": "true" });
  assert.equal(template.spec.volumes.map((each) => each.name), ["policy-store", "certs", "policies"]);
  assert.equal(portsOf(sidecar.service), ["policy-server 443 -> 8443", "metrics 8080 -> 8080"]);

  const again = await under([], (each) => valueOf(each, "KUBEWARDEN_ENABLE_METRICS") === undefined);
  assert.equal(again.deployment.spec, plain.deployment.spec);
  assert.equal(again.deployment.metadata.annotations, plain.deployment.metadata.annotations);
  assert.equal(portsOf(again.service), portsOf(plain.service));
});

test.run();
