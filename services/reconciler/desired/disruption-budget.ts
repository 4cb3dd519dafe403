// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { labels, ownedObjectName, partOfValue } from "../../../contracts/names.ts";
import type { PolicyServer } from "../../../contracts/policy-server.ts";
import { ownedMetadata } from "./metadata.ts";

/** The PodDisruptionBudget, or undefined where the PolicyServer asks for none. Source: reference/controller.md 3.10. */
export function disruptionBudgetFor(server: PolicyServer, namespace: string): KubeObject | undefined {
  const { minAvailable, maxUnavailable } = server.spec;
  if (minAvailable === undefined && maxUnavailable === undefined) return undefined;
  const { name } = server.metadata;
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: ownedMetadata(server, namespace),
    spec: {
      ...(minAvailable === undefined ? { maxUnavailable } : { minAvailable }),
      selector: {
        matchLabels: {
          [labels.instance]: ownedObjectName(name),
          [labels.partOf]: partOfValue,
          [labels.policyServer]: name,
        },
      },
    },
  };
}
