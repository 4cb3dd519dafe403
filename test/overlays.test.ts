/** Every overlay as a real kubectl renders it, tried on an API server: no field is unknown, no pod breaks Pod Security. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { startApiServer } from "../local-cluster/api/server.ts";
import { selectorMatches } from "../local-cluster/schema/label-selector.ts";
import { connectKube } from "../runtime/kube/kube.ts";
import { kubectlPath } from "../tools/kubectl.ts";

type Template = { metadata: { labels: Record<string, string> }; spec: { containers: Container[] } & Fields };
type Container = Fields & { name: string; image: string; resources: { requests?: Fields }; env: { name: string }[] };
type Fields = Record<string, unknown>;

const folder = fileURLToPath(new URL("../deploy/kustomize/overlays/", import.meta.url));
const overlays = readdirSync(folder);
/** Kinds of others, which only their own clusters know. */
const foreign = ["monitoring.coreos.com", "cert-manager.io"];
const kubectl = await kubectlPath();
// kubectl comes from an npm package that has it for Linux x64 only.
const withKubectl = kubectl === undefined ? test.skip : test;

const api = await startApiServer();
const home = await mkdtemp(join(tmpdir(), "overlays-"));
await writeFile(join(home, "kubeconfig"), api.kubeconfig(), { mode: 0o600 });
const kube = await connectKube({ kubeconfig: join(home, "kubeconfig") });
test.after(async () => {
  await api.stop();
  await rm(home, { recursive: true });
});

function rendered(overlay: string): KubeObject[] {
  const text = execFileSync(kubectl!, ["kustomize", join(folder, overlay)], { encoding: "utf8" });
  return parseAllDocuments(text).map((each) => each.toJS() as KubeObject);
}
const groupOf = ({ apiVersion }: KubeObject) => apiVersion.includes("/") ? apiVersion.split("/")[0]! : "";
const templatesIn = (objects: KubeObject[]) =>
  objects.filter(({ kind }) => kind === "Deployment").map(({ spec }) => (spec as { template: Template }).template);
const defaultServer = (objects: KubeObject[]) => {
  const { data } = objects.find(({ metadata }) => metadata.name === "kubewarden-defaults")!;
  return parse(Object.values(data as Record<string, string>)[0]!) as { spec: Fields };
};

withKubectl("the folder of all of them is the default overlay", () => {
  assert.equal(rendered(".."), rendered("default"));
});

for (const overlay of overlays) {
  withKubectl(`overlay ${overlay}: an API server takes every object, to the last field`, async () => {
    const objects = rendered(overlay).filter((each) => !foreign.includes(groupOf(each)));
    const namespace = objects.find(({ kind }) => kind === "Namespace")!;
    await kube.apply(namespace, { fieldManager: "t" });
    await kube.apply({ ...account, metadata: { name: "default", namespace: namespace.metadata.name } }, {
      fieldManager: "t",
    });
    for (const object of objects) await kube.apply(object, { fieldManager: "t", force: true });
    // The namespace refuses pods that are not restricted, and pods of unknown classes and accounts.
    for (const [index, { metadata, spec }] of templatesIn(objects).entries()) {
      const pod = { name: `${overlay}-${index}`, namespace: namespace.metadata.name, labels: metadata.labels };
      await kube.create({ apiVersion: "v1", kind: "Pod", metadata: pod, spec }, { dryRun: true });
    }
  });

  withKubectl(`overlay ${overlay}: controllers ask for room, have a priority, and a NetworkPolicy each`, () => {
    const objects = rendered(overlay);
    const policies = objects.filter(({ kind }) => kind === "NetworkPolicy");
    const templates = templatesIn(objects);
    assert.is(templates.length, 3);
    for (const { metadata, spec } of templates) {
      const [container] = spec.containers;
      assert.is(spec.priorityClassName, "kubewarden");
      assert.equal(Object.keys(container!.resources.requests ?? {}).sort(), ["cpu", "memory"]);
      for (const probe of ["livenessProbe", "readinessProbe"]) assert.ok(container![probe], probe);
      const types = policies.filter((each) =>
        selectorMatches((each.spec as { podSelector: unknown }).podSelector, metadata.labels)
      ).flatMap((each) => (each.spec as { policyTypes: string[] }).policyTypes);
      assert.equal([...new Set(types)].sort(), ["Egress", "Ingress"]);
    }
  });
}
const account = { apiVersion: "v1", kind: "ServiceAccount" };

withKubectl("overlay dev: no image is pulled, logs say all, nobody waits long for a Lease", () => {
  const objects = rendered("dev");
  for (const { spec: { containers: [container] } } of templatesIn(objects)) {
    assert.is(container!.image, "kubewarden-edge:dev");
    assert.is(container!.imagePullPolicy, "Never");
    const env = container!.env as { name: string; value?: string }[];
    assert.is(env.find(({ name }) => name === "KUBEWARDEN_LOG_LEVEL")?.value, "debug");
    assert.is(env.find(({ name }) => name === "KUBEWARDEN_LEASE_DURATION")?.value, "4s");
  }
  assert.is(defaultServer(objects).spec.requests, undefined);
});

withKubectl(
  "overlay default: the PolicyServer asks for room and has a priority, and no memory limit that ends it",
  () => {
    const { spec } = defaultServer(rendered("default"));
    assert.equal(Object.keys(spec.requests as Fields), ["cpu", "memory"]);
    assert.is(spec.limits, undefined);
    assert.is(spec.priorityClassName, "kubewarden");
  },
);

withKubectl(
  "overlay monitoring: the operator's rules are the alerts, and every monitor finds a Service and its port",
  () => {
    const objects = rendered("monitoring");
    const alerts = parse(readFileSync(new URL("../deploy/monitoring/alerts.yml", import.meta.url), "utf8"));
    assert.equal(objects.find(({ kind }) => kind === "PrometheusRule")?.spec, alerts);
    const monitors = objects.filter(({ kind }) => kind === "ServiceMonitor");
    assert.is(monitors.length, 2);
    for (const { spec } of monitors) {
      const { selector, endpoints } = spec as { selector: object; endpoints: { port: string }[] };
      const services = objects.filter((each) =>
        each.kind === "Service" && selectorMatches(selector, each.metadata.labels ?? {})
      );
      const ports = services.flatMap((each) => (each.spec as { ports: { name: string }[] }).ports);
      assert.equal(ports.map(({ name }) => name), endpoints.map(({ port }) => port));
    }
    const dashboard = objects.find(({ metadata }) => metadata.name === "kubewarden-dashboard");
    assert.is(dashboard?.metadata.labels?.grafana_dashboard, "1");
    assert.ok(JSON.parse((dashboard?.data as Record<string, string>)["kubewarden.json"]!).panels.length > 0);
  },
);

withKubectl("overlay monitoring: the Services of the metrics select the pods that have them", () => {
  const objects = rendered("monitoring");
  const selectorOf = (name: string) => {
    const service = objects.find(({ kind, metadata }) => kind === "Service" && metadata.name === name);
    return { matchLabels: (service?.spec as { selector: Record<string, string> }).selector };
  };
  for (const { metadata } of templatesIn(objects)) {
    assert.ok(selectorMatches(selectorOf("controllers-metrics"), metadata.labels));
  }
  const server = { "app.kubernetes.io/component": "policy-server", "app.kubernetes.io/part-of": "kubewarden" };
  assert.ok(selectorMatches(selectorOf("policy-servers-metrics"), server));
});

withKubectl("overlay take-over: policy servers keep the rights and the token that upstream gave them", () => {
  const objects = rendered("take-over");
  const policyServer = objects.find(({ kind, metadata }) =>
    kind === "ServiceAccount" && metadata.name === "policy-server"
  );
  assert.is(policyServer?.automountServiceAccountToken, true);
  const role = objects.find(({ metadata }) => metadata.name === "kubewarden-context-watcher");
  const rules = (role as unknown as { rules: { resources: string[]; verbs: string[] }[] }).rules;
  assert.equal(rules.flatMap(({ resources }) => resources), [
    "namespaces",
    "pods",
    "services",
    "ingresses",
    "subjectaccessreviews",
  ]);
});

test.run();
