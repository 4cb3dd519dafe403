// pure
import { accepts, type CrdCase, namedServer, object, refuses, server } from "./case.ts";

/** PolicyServers: reference/controller.md 2.4 and 2.5. */
export const policyServerCases: CrdCase[] = [
  accepts("a minimal PolicyServer", server({})),
  accepts(
    "a PolicyServer without an image but with everything else",
    server({
      image: "i",
      minAvailable: "50%",
      annotations: { a: "b" },
      labels: { a: "b" },
      env: [{ name: "A", value: "b" }, { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
      serviceAccountName: "s",
      imagePullSecret: "s",
      insecureSources: ["h:5000"],
      sourceAuthorities: { "h:5000": ["PEM"] },
      verificationConfig: "v",
      sigstoreTrustConfig: "t",
      securityContexts: { container: { runAsUser: 5 }, pod: { fsGroup: 5, supplementalGroups: [1] } },
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      limits: { cpu: 1, memory: "1Gi" },
      requests: { cpu: "500m", memory: "1024Mi", "example.com/gpu": "1" },
      tolerations: [{ key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 9223372036854775 }],
      priorityClassName: "p",
      namespacedPoliciesCapabilities: ["oci/*", "kubernetes/can_i"],
      webhookPort: 9443,
      readinessProbePort: 9081,
      metricsPort: 9443,
    }),
  ),
  refuses("a PolicyServer without replicas", object("PolicyServer", {}), "spec.replicas", "Required value"),
  refuses("negative replicas", server({ replicas: -1 }), "spec.replicas", "greater than or equal to 0"),
  accepts("a name of 63 characters", namedServer("a".repeat(63))),
  refuses("a name of 64 characters", namedServer("a".repeat(64)), "", "no more than 63 characters"),
  accepts("maxUnavailable alone", server({ maxUnavailable: 1 })),
  refuses("both budgets", server({ maxUnavailable: 1, minAvailable: 1 }), "spec", "minAvailable and maxUnavailable"),
  refuses("a negative limit", server({ limits: { cpu: "-1" } }), "spec.limits", "greater than or equal to 0"),
  refuses("a negative number as request", server({ requests: { cpu: -1 } }), "spec.requests", "greater than or equal"),
  refuses("a request above its limit", server({ requests: { cpu: 2 }, limits: { cpu: "1500m" } }), "spec", "requests"),
  accepts("a request equal to its limit", server({ requests: { memory: "1Gi" }, limits: { memory: "1024Mi" } })),
  accepts("a request without a limit", server({ requests: { cpu: 2 }, limits: { memory: "1Gi" } })),
  refuses("a limit that is no quantity", server({ limits: { cpu: "much" } }), "spec.limits.cpu", "should match"),
  accepts("no capabilities at all", server({ namespacedPoliciesCapabilities: [] })),
  accepts("all capabilities", server({ namespacedPoliciesCapabilities: ["*"] })),
  ...["", "oci*", "oci/*/verify", "oci/v1", "kubernetes/v1/can_i", "kubernetes/can_i/x", "foo/*"].map((pattern) =>
    refuses(
      `the capability "${pattern}"`,
      server({ namespacedPoliciesCapabilities: [pattern] }),
      "spec.namespacedPoliciesCapabilities[0]",
      "Unsupported value",
    )
  ),
  refuses("a webhookPort equal to the other's default", server({ webhookPort: 8081 }), "spec", "must differ"),
  refuses("two equal ports", server({ webhookPort: 9000, readinessProbePort: 9000 }), "spec", "must differ"),
  accepts("swapped default ports", server({ webhookPort: 8081, readinessProbePort: 8443 })),
  refuses("port 65536", server({ webhookPort: 65536 }), "spec.webhookPort", "65535"),
];
