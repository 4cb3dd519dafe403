// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { labels, ownedObjectName, partOfValue } from "../../../contracts/names.ts";
import { type PolicyServer, readinessProbePortOf, webhookPortOf } from "../../../contracts/policy-server.ts";
import type { Settings } from "../settings.ts";
import { ownedMetadata } from "./metadata.ts";

/** The Service that webhooks name. The webhook port comes first: clients dial `ports[0]` (reference/controller.md 3.9). */
export function serviceFor(server: PolicyServer, settings: Settings): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: ownedMetadata(server, settings.namespace),
    spec: {
      selector: { [labels.instance]: ownedObjectName(server.metadata.name), [labels.partOf]: partOfValue },
      ports: [
        { name: "policy-server", port: 443, protocol: "TCP", targetPort: webhookPortOf(server) },
        ...metricsPort(server, settings),
      ],
    },
  };
}

/**
 * `metricsPort` is that of the Service; the target is whoever shows metrics to Prometheus. With a sidecar that is its
 * exporter, on the port all pods share, as upstream's. Without one, our policy-server does so itself on its probe port,
 * while nothing listens on upstream's target.
 */
function metricsPort(server: PolicyServer, { telemetry }: Settings) {
  if (!telemetry.metrics) return [];
  return [{
    name: "metrics",
    port: server.spec.metricsPort ?? telemetry.metricsPort,
    protocol: "TCP",
    targetPort: telemetry.sidecar ? telemetry.metricsPort : readinessProbePortOf(server),
  }];
}
