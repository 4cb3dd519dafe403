import { test } from "uvu";
import * as assert from "uvu/assert";
import { createMetrics } from "../../runtime/telemetry/metrics.ts";
import { policyMetric, policySeries } from "./policy-metrics.ts";
import { policy } from "./test-objects.ts";

test("policy metric: one series a policy, with upstream's labels (B19)", () => {
  const active = { ...policy("AdmissionPolicy", "a", { failurePolicy: "Ignore" }), status: { policyStatus: "active" } };
  assert.equal(policySeries([active, policy("ClusterAdmissionPolicyGroup", "g", { policyServer: "other" })]), [
    [1, {
      name: "namespaced-ns1-a",
      policy_server: "default",
      module: "registry://r/p:v1",
      mutating: false,
      namespace: "ns1",
      failure_policy: "Ignore",
      policy_status: "active",
    }],
    [1, {
      name: "clusterwide-group-g",
      policy_server: "other",
      module: "",
      mutating: false,
      namespace: "",
      failure_policy: "",
      policy_status: "",
    }],
  ]);
});

test("policy metric: a policy has the series of its present status, and none once it is deleted (B19)", async () => {
  const metrics = createMetrics();
  const named = (policyStatus: string) => ({ ...policy("ClusterAdmissionPolicy", "p"), status: { policyStatus } });
  let policies = [named("pending")];
  metrics.observed(policyMetric.name, policyMetric.help, () => policySeries(policies));
  const series = async () =>
    (await metrics.text()).body.split("\n").filter((line) => line.startsWith(policyMetric.name));
  assert.match((await series()).join(), 'policy_status="pending"} 1');
  policies = [named("active")];
  const [only, ...others] = await series();
  assert.match(only!, 'policy_status="active"} 1');
  assert.equal(others, []);
  policies = [];
  assert.equal(await series(), []);
});

test.run();
