// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { annotations, appLabelValue, labels, ownedObjectName } from "../../../contracts/names.ts";
import { type PolicyServer, readinessProbePortOf } from "../../../contracts/policy-server.ts";
import type { Settings } from "../settings.ts";
import { environmentFor } from "./environment.ts";
import { ownedLabels, ownedMetadata, withoutUndefined } from "./metadata.ts";
import { mountsFor } from "./mounts.ts";
import type { Replicas } from "./replicas.ts";
import { sidecarAnnotations } from "./telemetry.ts";

type Options = Replicas & { settings: Settings; version: string; image: string };

/**
 * The Deployment of a policy server. It is applied, so fields we do not name (a `kubectl rollout restart`, labels of
 * others) stay, and labels that leave the spec are pruned. Source: reference/controller.md 3.6, 3.7.
 */
export function deploymentFor(server: PolicyServer, { settings, version, image, replicas, asOf }: Options): KubeObject {
  const { spec, metadata: { name } } = server;
  const metadata = ownedMetadata(server, settings.namespace);
  const app = { app: appLabelValue(name) };
  const mounts = mountsFor(server, { version, settings });
  const injected = settings.telemetry.sidecar ? sidecarAnnotations : undefined;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      ...metadata,
      ...(asOf === undefined ? {} : { resourceVersion: asOf }),
      labels: { ...spec.labels, ...metadata.labels },
      annotations: {
        ...spec.annotations,
        [annotations.configVersion]: version,
        [annotations.appliedReplicas]: String(spec.replicas),
      },
    },
    spec: {
      replicas,
      selector: { matchLabels: app },
      strategy: { type: "RollingUpdate" },
      template: {
        metadata: withoutUndefined({
          labels: { ...spec.labels, ...app, [labels.configVersion]: version, ...ownedLabels(name) },
          annotations: injected ? { ...spec.annotations, ...injected } : spec.annotations,
        }),
        spec: withoutUndefined({
          serviceAccountName: spec.serviceAccountName || undefined,
          priorityClassName: spec.priorityClassName || undefined,
          tolerations: spec.tolerations,
          affinity: spec.affinity ?? {},
          hostNetwork: settings.hostNetwork || undefined,
          dnsPolicy: settings.hostNetwork ? "ClusterFirstWithHostNet" : "ClusterFirst",
          securityContext: spec.securityContexts?.pod ?? { seccompProfile: { type: "RuntimeDefault" } },
          imagePullSecrets: settings.imagePullSecrets.length === 0
            ? undefined
            : settings.imagePullSecrets.map((secret) => ({ name: secret })),
          volumes: mounts.map(({ volume }) => volume),
          containers: [{
            name: ownedObjectName(name),
            image,
            env: environmentFor(server, settings, mounts),
            volumeMounts: mounts.map(({ mount }) => mount),
            readinessProbe: {
              httpGet: { path: "/readiness", port: readinessProbePortOf(server), scheme: "HTTP" },
            },
            resources: withoutUndefined({ limits: spec.limits, requests: spec.requests }),
            securityContext: spec.securityContexts?.container ?? restrictedContainer,
          }],
        }),
      },
    },
  };
}

/** Together with the image's user this satisfies Pod Security "restricted". */
const restrictedContainer = {
  readOnlyRootFilesystem: true,
  privileged: false,
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ["ALL"] },
};
