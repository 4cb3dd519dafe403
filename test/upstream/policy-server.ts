import type { OwnerReference } from "../../contracts/kubernetes.ts";
import { inNamespace, type Make } from "./make.ts";
import { upstreamContainer, upstreamLabels, upstreamPod } from "./pod.ts";

export const upstreamImage = "ghcr.io/kubewarden/policy-server:v1.36.0";

type Options = { ownerReferences: OwnerReference[]; module: string; insecureSource: string };

/** The children of PolicyServer `default`: reference/controller.md 3.4 to 3.9. */
export async function makeServer(make: Make, { ownerReferences, module, insecureSource }: Options): Promise<void> {
  const entry = (name: string, allowedToMutate: boolean) => ({
    namespacedName: { Namespace: "", Name: name },
    module,
    policyMode: "protect",
    allowedToMutate,
    settings: null,
    hostCapabilities: ["*"],
  });
  const policies = { "clusterwide-changes": entry("changes", true), "clusterwide-checks": entry("checks", false) };
  const name = "policy-server-default";
  const labels = { "kubewarden/policy-server": "default" };
  const configMap = await make({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: inNamespace(name, { labels, ownerReferences }),
    data: {
      "policies.yml": JSON.stringify(policies),
      "sources.yml": JSON.stringify({ insecure_sources: [insecureSource] }),
    },
  });
  const version = configMap.metadata.resourceVersion ?? "";
  const app = { app: "kubewarden-policy-server-default" };
  await make({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: inNamespace(name, {
      labels: upstreamLabels,
      annotations: {
        "kubewarden/config-version": version,
        "kubewarden.io/managed-annotation-keys": "",
        "kubewarden.io/managed-label-keys": "",
      },
      ownerReferences,
    }),
    spec: {
      replicas: 1,
      selector: { matchLabels: app },
      strategy: { type: "RollingUpdate" },
      template: {
        metadata: { labels: { ...app, "kubewarden/config-version": version, ...upstreamLabels } },
        spec: podSpec(name),
      },
    },
  });
  await make({
    apiVersion: "v1",
    kind: "Service",
    metadata: inNamespace(name, { labels: upstreamLabels, ownerReferences }),
    spec: {
      selector: { "app.kubernetes.io/instance": name, "app.kubernetes.io/part-of": "kubewarden" },
      ports: [{ name: "policy-server", port: 443, protocol: "TCP", targetPort: 8443 }],
    },
  });
}

function podSpec(name: string) {
  return {
    serviceAccountName: "policy-server",
    ...upstreamPod,
    volumes: [
      { name: "policy-store", emptyDir: {} },
      { name: "certs", secret: { secretName: name } },
      { name: "policies", configMap: { name, items: [{ key: "policies.yml", path: "policies.yml" }] } },
      { name: "sources", configMap: { name } },
    ],
    containers: [{
      ...upstreamContainer,
      name,
      image: upstreamImage,
      env: [
        ...upstreamContainer.env,
        { name: "KUBEWARDEN_LOG_LEVEL", value: "info" },
        { name: "OF_OLD", value: "yes" },
        { name: "KUBEWARDEN_SOURCES_PATH", value: "/sources/sources.yml" },
      ],
      volumeMounts: [
        ...upstreamContainer.volumeMounts,
        { name: "sources", mountPath: "/sources", readOnly: true },
      ],
    }],
  };
}
