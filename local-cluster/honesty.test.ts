/**
 * The rules of Kubernetes that a naive imitation would break, one row each, checked over the wire. Add a row to the table
 * of its area under `honesty/`.
 */
import { test } from "uvu";
import { startApiServer } from "./api/server.ts";
import { admissionRules } from "./honesty/admission-rules.ts";
import { apiRules } from "./honesty/api-rules.ts";
import { applyRules } from "./honesty/apply-rules.ts";
import { rawClient } from "./honesty/client.ts";
import { crdRules } from "./honesty/crd-rules.ts";
import { disturbanceRules } from "./honesty/disturbance-rules.ts";
import { pluginRules } from "./honesty/plugin-rules.ts";
import { stopWorkloadCluster, workloadRules } from "./honesty/workload-rules.ts";

const server = await startApiServer();
const client = rawClient(server);
let count = 0;

const rules = [
  ...apiRules,
  ...applyRules,
  ...crdRules,
  ...admissionRules,
  ...pluginRules,
  ...disturbanceRules,
  ...workloadRules,
];

for (const { rule, holds } of rules) {
  test(rule, async () => {
    const namespace = `rule-${++count}`;
    await client.request("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace },
    });
    // No controllers run beside this server, and a Pod needs its namespace's ServiceAccount.
    await client.request("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default" },
    });
    await holds({ ...client, server, namespace });
  });
}

test.after(stopWorkloadCluster);
test.after(() => server.stop());
test.run();
