import { test } from "uvu";
import * as assert from "uvu/assert";
import { policyServer, settings } from "../test-objects.ts";
import { configVersionOf, readableConfigMapFor, versionedConfigMapFor } from "./config-map.ts";
import { disruptionBudgetFor } from "./disruption-budget.ts";
import { serviceFor } from "./service.ts";

const namespace = settings.namespace;
const commonLabels = {
  "app.kubernetes.io/component": "policy-server",
  "app.kubernetes.io/instance": "policy-server-default",
  "app.kubernetes.io/part-of": "kubewarden",
  "app.kubernetes.io/managed-by": "kubewarden-controller",
  "kubewarden/policy-server": "default",
};
const owner = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "server-uid" };
const files = { "policies.yml": "{}", "sources.yml": "{}" };

test("service: 443 to the default webhook port, found by instance and part-of (IT-17, IT-18)", () => {
  assert.equal(serviceFor(policyServer(), settings), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "policy-server-default", namespace, labels: commonLabels, ownerReferences: [owner] },
    spec: {
      selector: { "app.kubernetes.io/instance": "policy-server-default", "app.kubernetes.io/part-of": "kubewarden" },
      ports: [{ name: "policy-server", port: 443, protocol: "TCP", targetPort: 8443 }],
    },
  });
});

test("service: the target follows webhookPort (IT-16)", () => {
  const { spec } = serviceFor(policyServer({ webhookPort: 9443 }), settings) as unknown as {
    spec: { ports: object[] };
  };
  assert.equal(spec.ports, [{ name: "policy-server", port: 443, protocol: "TCP", targetPort: 9443 }]);
});

const portsOf = (spec: object, telemetry: Partial<typeof settings.telemetry>) =>
  (serviceFor(policyServer(spec), { ...settings, telemetry: { ...settings.telemetry, ...telemetry } })
    .spec as { ports: { name: string; port: number; targetPort: number }[] }).ports
    .map(({ name, port, targetPort }) => `${name} ${port} -> ${targetPort}`);

for (
  const [title, spec, telemetry, metrics] of [
    ["none without --enable-metrics", { metricsPort: 9090 }, {}, []],
    ["that of the spec", { metricsPort: 9090 }, { metrics: true, metricsPort: 8888 }, ["metrics 9090 -> 8081"]],
    ["that of the environment", {}, { metrics: true, metricsPort: 8888 }, ["metrics 8888 -> 8081"]],
    ["8080 where nobody says", { readinessProbePort: 9081 }, { metrics: true }, ["metrics 8080 -> 9081"]],
    [
      "to the port of all sidecars, whatever the spec says",
      { metricsPort: 9090, readinessProbePort: 9081 },
      { metrics: true, metricsPort: 8888, sidecar: true },
      ["metrics 9090 -> 8888"],
    ],
  ] as const
) {
  test(`service: the port for metrics: ${title} (CT-U2)`, () => {
    assert.equal(portsOf(spec, telemetry), ["policy-server 443 -> 8443", ...metrics]);
  });
}

test("disruption budget: none unless asked for (IT-12)", () => {
  assert.is(disruptionBudgetFor(policyServer(), namespace), undefined);
});

const matchLabels = {
  "app.kubernetes.io/instance": "policy-server-default",
  "app.kubernetes.io/part-of": "kubewarden",
  "kubewarden/policy-server": "default",
};
for (
  const [title, spec, wanted] of [
    ["minAvailable (IT-10)", { minAvailable: 2 }, { minAvailable: 2 }],
    ["minAvailable 0", { minAvailable: 0 }, { minAvailable: 0 }],
    ["maxUnavailable as percentage (IT-11)", { maxUnavailable: "50%" }, { maxUnavailable: "50%" }],
    ["both: minAvailable wins", { minAvailable: 1, maxUnavailable: 1 }, { minAvailable: 1 }],
  ] as const
) {
  test(`disruption budget: ${title}`, () => {
    const budget = disruptionBudgetFor(policyServer(spec), namespace);
    assert.equal(budget?.spec, { ...wanted, selector: { matchLabels } });
    assert.equal(budget?.metadata.ownerReferences, [owner]);
  });
}

test("config map: pods mount an immutable one named after its version, people read a copy", () => {
  const options = { namespace, version: "abc", files };
  const versioned = versionedConfigMapFor(policyServer(), options);
  assert.is(versioned.metadata.name, "policy-server-default-abc");
  assert.is(versioned.immutable, true);
  assert.equal(versioned.metadata.ownerReferences, [owner]);
  const readable = readableConfigMapFor(policyServer(), options);
  assert.is(readable.metadata.name, "policy-server-default");
  assert.is(readable.immutable, undefined);
  for (const each of [versioned, readable]) {
    assert.equal(each.data, files);
    assert.equal(each.metadata.annotations, { "kubewarden/config-version": "abc" });
    assert.equal(each.metadata.labels, commonLabels);
  }
});

test("config version: 32 digits that depend on both files and where one ends", () => {
  const digest = (text: string) => `${text}`.padEnd(64, "0");
  assert.is(configVersionOf(files, digest).length, 32);
  assert.is.not(
    configVersionOf({ "policies.yml": "a", "sources.yml": "b" }, digest),
    configVersionOf({ "policies.yml": "ab", "sources.yml": "" }, digest),
  );
});

test.run();
