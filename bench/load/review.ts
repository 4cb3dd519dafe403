/** An AdmissionReview of a Pod of about so many bytes, as an API server sends one. */
export function reviewOf(bytes: number): string {
  const version = { group: "", version: "v1" };
  const kinds = { kind: { ...version, kind: "Pod" }, resource: { ...version, resource: "pods" } };
  const container = (index: number) => ({
    name: `container-${index}`,
    image:
      `registry.example/team/app:1.${index}@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
    env: [{ name: "REGION", value: "eu-1" }, { name: "TRACE", value: "5e7" }],
    ports: [{ containerPort: 8080, protocol: "TCP" }],
    resources: { limits: { cpu: "1500m", memory: "1Gi" }, requests: { cpu: "100m", memory: "128Mi" } },
    terminationMessagePath: "/dev/termination-log",
    imagePullPolicy: "IfNotPresent",
  });
  const review = (containers: number) =>
    JSON.stringify({
      kind: "AdmissionReview",
      apiVersion: "admission.k8s.io/v1",
      request: {
        uid: "705ab4f5-6393-4e8e-b7cc-42892a4f0e3d",
        ...kinds,
        requestKind: kinds.kind,
        requestResource: kinds.resource,
        name: "app",
        namespace: "default",
        operation: "CREATE",
        userInfo: { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] },
        object: {
          kind: "Pod",
          apiVersion: "v1",
          metadata: { name: "app", namespace: "default", labels: { app: "app" } },
          spec: { containers: Array.from({ length: containers }, (_, index) => container(index)) },
        },
        oldObject: null,
        dryRun: false,
        options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
      },
    });
  let containers = 1;
  while (review(containers + 1).length <= bytes) containers++;
  return review(containers);
}
