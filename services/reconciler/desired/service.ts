// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { labels, ownedObjectName, partOfValue } from "../../../contracts/names.ts";
import { type PolicyServer, webhookPortOf } from "../../../contracts/policy-server.ts";
import { ownedMetadata } from "./metadata.ts";

/** The Service that webhooks name. The webhook port comes first: clients dial `ports[0]` (reference/controller.md 3.9). */
export function serviceFor(server: PolicyServer, namespace: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: ownedMetadata(server, namespace),
    spec: {
      selector: { [labels.instance]: ownedObjectName(server.metadata.name), [labels.partOf]: partOfValue },
      ports: [{ name: "policy-server", port: 443, protocol: "TCP", targetPort: webhookPortOf(server) }],
    },
  };
}
