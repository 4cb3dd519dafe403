// pure
import { z } from "zod";
import { capabilityPatterns } from "./capabilities.ts";
import { parseCustomResource } from "./custom-resource.ts";
import type { Condition, KubeObject, ObjectMeta } from "./kubernetes.ts";
import {
  affinity,
  anyObject,
  conditions,
  envVar,
  int32,
  intOrString,
  port,
  quantity,
  rules,
  stringMap,
  toleration,
} from "./kubernetes-schema.ts";
import type { apiVersion } from "./names.ts";

/** Ports a policy-server listens on when its PolicyServer names none. Source: reference/controller.md 1.3. */
export const defaultWebhookPort = 8443;
export const defaultReadinessProbePort = 8081;

/** Resource names a Pod may ask for, with their amounts. */
const resourceList = (field: "limits" | "requests") =>
  z.record(z.string(), quantity).meta({
    maxProperties: 64,
    ...rules({
      rule: "self.all(name, !string(self[name]).startsWith('-'))",
      message: `${field} must be greater than or equal to 0`,
    }),
  });

/** `spec` of a PolicyServer. Rules: reference/controller.md 2.4. */
export const policyServerSpec = z.object({
  affinity: affinity.optional().describe("Affinity rules of the policy-server Pods"),
  annotations: stringMap.optional().describe("Annotations of the Deployment and of its Pods"),
  env: z.array(envVar).optional().describe("Environment variables added to the policy-server container"),
  image: z.string().optional().describe("Container image of the policy-server; the reconciler's own when left out"),
  imagePullSecret: z.string().optional().describe(
    "Secret of type kubernetes.io/dockerconfigjson in the deployments namespace, used to pull policies",
  ),
  insecureSources: z.array(z.string()).optional().describe(
    "host[:port] of registries that are reached over HTTP or without verifying their certificate",
  ),
  labels: stringMap.optional().describe("Labels of the Deployment and of its Pods; system labels win"),
  limits: resourceList("limits").optional().describe("Upper limits of the container's resources"),
  maxUnavailable: intOrString.optional().describe(
    "Pods that may be unavailable during a voluntary disruption; excludes minAvailable",
  ),
  metricsPort: port.optional().describe(
    "Port of the Service for metrics, when these are on; 8080 by default, or what the reconciler is told",
  ),
  minAvailable: intOrString.optional().describe(
    "Pods that must stay available during a voluntary disruption; excludes maxUnavailable",
  ),
  namespacedPoliciesCapabilities: z.array(z.string()).optional()
    .meta({ items: { type: "string", enum: [...capabilityPatterns] } })
    .describe("Host capabilities of namespaced policies: all of them when left out, none when the list is empty"),
  priorityClassName: z.string().optional().describe("PriorityClass of the policy-server Pods"),
  readinessProbePort: port.optional().describe(`Port of the readiness probe, ${defaultReadinessProbePort} by default`),
  replicas: int32.min(0).describe(
    "Number of policy-server Pods; applied when it changes, so an autoscaler of the Deployment keeps its own",
  ),
  requests: resourceList("requests").optional().describe("Resources the container asks for"),
  securityContexts: z.object({
    container: anyObject.optional().describe("core/v1 SecurityContext of the container; replaces the default"),
    pod: anyObject.optional().describe("core/v1 PodSecurityContext; replaces the default"),
  }).optional().describe("Security contexts of the policy-server Pods"),
  serviceAccountName: z.string().optional().describe("ServiceAccount of the policy-server Pods"),
  sigstoreTrustConfig: z.string().optional().describe(
    "ConfigMap in the deployments namespace with the key sigstore-trust-config",
  ),
  sourceAuthorities: z.record(z.string(), z.array(z.string())).optional().describe(
    "PEM certificates of the authorities that sign a registry's certificate, by host[:port]",
  ),
  tolerations: z.array(toleration).optional().describe("Tolerations of the policy-server Pods"),
  verificationConfig: z.string().optional().describe(
    "ConfigMap in the deployments namespace with the key verification-config",
  ),
  webhookPort: port.optional().describe(`Port the admission endpoint listens on, ${defaultWebhookPort} by default`),
}).meta(rules(
  {
    rule: "!(has(self.minAvailable) && has(self.maxUnavailable))",
    message: "minAvailable and maxUnavailable cannot be both set",
  },
  {
    rule: `(has(self.readinessProbePort) ? self.readinessProbePort : ${defaultReadinessProbePort}) != ` +
      `(has(self.webhookPort) ? self.webhookPort : ${defaultWebhookPort})`,
    message: "readinessProbePort must differ from webhookPort",
  },
  {
    rule: "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || " +
      "!quantity(string(self.requests[name])).isGreaterThan(quantity(string(self.limits[name]))))",
    message: "requests must not exceed limits",
  },
));

/** `status` of a PolicyServer; contracts/README.md says which service writes what. */
export const policyServerStatus = z.object({
  caBundle: z.string().optional().describe(
    "Public PEM certificates of every authority whose server certificates may be in use, written by certs",
  ),
  conditions: conditions.optional().describe("State of the objects behind this PolicyServer"),
  trustedCaDigest: z.string().optional().describe(
    "Digest of the caBundle that every registered webhook trusts, written by webhook-registrar",
  ),
});

export type PolicyServerSpec = z.infer<typeof policyServerSpec>;
export type PolicyServerStatus = Omit<z.infer<typeof policyServerStatus>, "conditions"> & { conditions?: Condition[] };
export type PolicyServer = {
  apiVersion: typeof apiVersion;
  kind: "PolicyServer";
  metadata: ObjectMeta;
  spec: PolicyServerSpec;
  status?: PolicyServerStatus;
};

/** Reads a PolicyServer as the API server returned it. Throws `CUSTOM_RESOURCE_INVALID`. */
export function parsePolicyServer(object: KubeObject): PolicyServer {
  return parseCustomResource(object, ["PolicyServer"], policyServerSpec, policyServerStatus) as PolicyServer;
}

/** The port of the admission endpoint. */
export function webhookPortOf({ spec }: PolicyServer): number {
  return spec.webhookPort ?? defaultWebhookPort;
}

/** The port of the readiness probe. */
export function readinessProbePortOf({ spec }: PolicyServer): number {
  return spec.readinessProbePort ?? defaultReadinessProbePort;
}
