import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { goYaml } from "./go-yaml.ts";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../deploy/monitoring");
const head = "# Generated from alerts.yml by `npm run generate`: do not edit.\n";

/** The alerts once more, as the Prometheus operator takes them. */
export async function prometheusRuleFile(): Promise<Record<string, string>> {
  const spec = parse(await readFile(join(folder, "alerts.yml"), "utf8"));
  const rule = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: {
      name: "kubewarden",
      namespace: "kubewarden",
      labels: { "app.kubernetes.io/part-of": "kubewarden" },
    },
    spec,
  };
  return { "deploy/monitoring/prometheus-rule.yaml": head + goYaml(rule) };
}
