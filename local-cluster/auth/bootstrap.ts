// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";

const group = "rbac.authorization.k8s.io";
const apiVersion = `${group}/v1`;
const metadata = (name: string) => ({ name, labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } });

const discoveryPaths = [
  "/api",
  "/api/*",
  "/apis",
  "/apis/*",
  "/healthz",
  "/livez",
  "/openapi",
  "/openapi/*",
  "/readyz",
];

/** The roles every cluster starts with, as far as someone here needs them; they are ordinary objects afterwards. */
export function bootstrapRbac(): KubeObject[] {
  return [
    clusterRole("cluster-admin", [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ]),
    clusterRole("system:discovery", [
      { nonResourceURLs: [...discoveryPaths, "/version", "/version/"], verbs: ["get"] },
    ]),
    clusterRole("system:public-info-viewer", [
      { nonResourceURLs: ["/healthz", "/livez", "/readyz", "/version", "/version/"], verbs: ["get"] },
    ]),
    clusterRole("system:basic-user", [
      {
        apiGroups: ["authorization.k8s.io"],
        resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        verbs: ["create"],
      },
      { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
    ]),
    binding("cluster-admin", ["system:masters"]),
    binding("system:discovery", ["system:authenticated"]),
    binding("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
    binding("system:basic-user", ["system:authenticated"]),
  ];
}

function clusterRole(name: string, rules: unknown[]): KubeObject {
  return { apiVersion, kind: "ClusterRole", metadata: metadata(name), rules };
}

function binding(name: string, groups: string[]): KubeObject {
  return {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: metadata(name),
    roleRef: { apiGroup: group, kind: "ClusterRole", name },
    subjects: groups.map((each) => ({ apiGroup: group, kind: "Group", name: each })),
  };
}
