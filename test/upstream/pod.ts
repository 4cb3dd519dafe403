// pure
/** What upstream's controller gives the pods of PolicyServer `default`, even if its spec says nothing: reference/controller.md 3.3, 3.7. */
export const upstreamLabels = {
  "app.kubernetes.io/component": "policy-server",
  "app.kubernetes.io/instance": "policy-server-default",
  "app.kubernetes.io/part-of": "kubewarden",
  "app.kubernetes.io/managed-by": "kubewarden-controller",
  "kubewarden/policy-server": "default",
};
export const upstreamPod = { affinity: {}, securityContext: { seccompProfile: { type: "RuntimeDefault" } } };
export const upstreamContainer = {
  env: [
    { name: "KUBEWARDEN_CERT_FILE", value: "/pki/tls.crt" },
    { name: "KUBEWARDEN_KEY_FILE", value: "/pki/tls.key" },
    { name: "KUBEWARDEN_PORT", value: "8443" },
    { name: "KUBEWARDEN_READINESS_PROBE_PORT", value: "8081" },
    { name: "KUBEWARDEN_POLICIES_DOWNLOAD_DIR", value: "/tmp" },
    { name: "KUBEWARDEN_POLICIES", value: "/config/policies.yml" },
    { name: "KUBEWARDEN_SIGSTORE_CACHE_DIR", value: "/tmp/sigstore-data" },
  ],
  volumeMounts: [
    { name: "policy-store", mountPath: "/tmp" },
    { name: "certs", mountPath: "/pki", readOnly: true },
    { name: "policies", mountPath: "/config", readOnly: true },
  ],
  readinessProbe: { httpGet: { path: "/readiness", port: 8081, scheme: "HTTP" } },
  securityContext: {
    readOnlyRootFilesystem: true,
    privileged: false,
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ["ALL"] },
  },
};
