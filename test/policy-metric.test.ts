// kubewarden_policy_total as a collector receives it, from the reconciler as a process.
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { apiVersion } from "../contracts/names.ts";
import { startGrpcCollector } from "../runtime/testing/otlp-collector.ts";
import { startControllerBench, until } from "./controller-under-test.ts";

const policyRef = (name: string) => ({ apiVersion, kind: "ClusterAdmissionPolicy", name });
const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["endpoints"] }];

test("policy metric: a collector has each policy once, under its present status, and no deleted ones (B19, BT-15)", async () => {
  const collector = await startGrpcCollector();
  const bench = await startControllerBench();
  const { kube } = bench;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: "200" };
  Object.assign(process.env, env);
  try {
    await bench.start("reconciler", ["--enable-metrics"]);
    await bench.start("webhook-registrar");
    for (const name of ["stays", "goes"]) {
      const spec = {
        module: "file:///p.wasm",
        mutating: false,
        policyServer: "nobody",
        failurePolicy: "Ignore",
        rules,
      };
      await kube.create({ apiVersion, kind: "ClusterAdmissionPolicy", metadata: { name }, spec });
    }
    const statuses = () =>
      Object.fromEntries(
        (collector.metrics.get("kubewarden_policy_total")?.points ?? [])
          .map(({ attributes }) => [attributes.name, attributes.policy_status]),
      );
    const series = (...names: string[]) =>
      JSON.stringify(names.map((name) => [`clusterwide-${name}`, "unschedulable"]));
    await until(
      "a series of each, with its status",
      () => Promise.resolve(JSON.stringify(Object.entries(statuses()).sort()) === series("goes", "stays")),
    );
    const { kind, points } = collector.metrics.get("kubewarden_policy_total")!;
    assert.equal([kind, points.map(({ value }) => value)], ["gauge", [1, 1]]);
    assert.equal(points[0]?.attributes, {
      name: points[0]?.attributes.name,
      policy_server: "nobody",
      module: "file:///p.wasm",
      mutating: false,
      namespace: "",
      failure_policy: "Ignore",
      policy_status: "unschedulable",
    });
    await kube.remove(policyRef("goes"));
    await until(
      "only the other one is left",
      () => Promise.resolve(JSON.stringify(Object.entries(statuses())) === series("stays")),
    );
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    await bench.stop();
    collector.close();
  }
});

test.run();
