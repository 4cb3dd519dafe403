// pure
import type { KubeObject } from "./kubernetes.ts";
import { apiVersion } from "./names.ts";

/** An object that a CRD accepts, or refuses with an error at `refusedAt` that says `because`. For tests. */
export type CrdCase = {
  what: string;
  object: KubeObject;
  /** The stored object, when this is an update. */
  old?: KubeObject;
  refusedAt?: string;
  because?: string;
};

type Spec = Record<string, unknown>;

const object = (kind: string, spec: Spec, name = "n"): KubeObject => ({
  apiVersion,
  kind,
  metadata: kind.startsWith("AdmissionPolicy") ? { name, namespace: "ns" } : { name },
  spec,
});
const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["pods"] };
const server = (spec: Spec) => object("PolicyServer", { replicas: 1, ...spec });
const namedServer = (name: string) => object("PolicyServer", { replicas: 1 }, name);
const ap = (spec: Spec) => object("AdmissionPolicy", { module: "m", mutating: false, rules: [rule], ...spec });
const cap = (spec: Spec) => object("ClusterAdmissionPolicy", { module: "m", mutating: false, rules: [rule], ...spec });
const group = (kind: string, spec: Spec) =>
  object(kind, { rules: [rule], expression: "a()", message: "no", policies: { a: { module: "m" } }, ...spec });
const apg = (spec: Spec) => group("AdmissionPolicyGroup", spec);
const capg = (spec: Spec) => group("ClusterAdmissionPolicyGroup", spec);

const accepts = (what: string, object: KubeObject, old?: KubeObject): CrdCase => ({ what, object, old });
const refuses = (what: string, object: KubeObject, refusedAt: string, because: string): CrdCase => ({
  what,
  object,
  refusedAt,
  because,
});
const refusesUpdate = (what: string, old: KubeObject, object: KubeObject, at: string, because: string): CrdCase => ({
  ...refuses(what, object, at, because),
  old,
});

const rulesOf = (more: Record<string, unknown>) => ({ rules: [{ ...rule, ...more }] });
const members = (...timeouts: (number | undefined)[]) => ({
  policies: Object.fromEntries(timeouts.map((timeoutEvalSeconds, index) => [
    `m${index}`,
    { module: "m", ...(timeoutEvalSeconds === undefined ? {} : { timeoutEvalSeconds }) },
  ])),
});
const everything = { apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] };
const reports = { apiGroups: ["wgpolicyk8s.io"], apiVersions: ["v1alpha2"], resources: ["policyreports"] };
const immutable = "field is immutable";
const noRecreate = "field cannot transition from protect to monitor. Recreate instead.";
const protectedReport = "a namespaced policy must not match policyreports of wgpolicyk8s.io";

/** Every rule of reference/controller.md 2.4 to 2.8 that a CRD can say, from both sides. */
export const crdCases: CrdCase[] = [
  // PolicyServer
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
  // Policies
  ...[ap({}), cap({}), apg({}), capg({})].map((each) => accepts(`a minimal ${each.kind}`, each)),
  accepts(
    "a ClusterAdmissionPolicy with everything",
    cap({
      policyServer: "p",
      mode: "monitor",
      failurePolicy: "Ignore",
      backgroundAudit: false,
      matchPolicy: "Exact",
      matchConditions: [{ name: "a.b/c", expression: "true" }, { name: "d", expression: "false" }],
      objectSelector: { matchLabels: { a: "b" } },
      namespaceSelector: { matchExpressions: [{ key: "k", operator: "In", values: ["v"] }] },
      sideEffects: "NoneOnDryRun",
      timeoutSeconds: 30,
      timeoutEvalSeconds: 30,
      message: "no",
      settings: { a: [1, { b: null }] },
      contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }],
      allowInsideAdmissionControllerNamespace: true,
    }),
  ),
  accepts("settings that are null", ap({ settings: null })),
  refuses("settings that are a list", ap({ settings: [] }), "spec.settings", "must be of type object"),
  refuses("settings that are a text", cap({ settings: "a" }), "spec.settings", "must be of type object"),
  refuses(
    "a member's settings that are a number",
    apg({ policies: { a: { module: "m", settings: 1 } } }),
    "spec.policies.a.settings",
    "object",
  ),
  refuses(
    "a policy without module",
    object("AdmissionPolicy", { mutating: false, rules: [rule] }),
    "spec.module",
    "Required value",
  ),
  refuses(
    "a policy without mutating",
    object("AdmissionPolicy", { module: "m", rules: [rule] }),
    "spec.mutating",
    "Required value",
  ),
  refuses("no rules", ap({ rules: [] }), "spec.rules", "at least 1 items"),
  refuses("an empty rule", ap({ rules: [{}] }), "spec.rules[0].operations", "Required value"),
  ...["apiGroups", "apiVersions", "operations", "resources"].map((field) =>
    refuses(`a rule whose ${field} are empty`, cap(rulesOf({ [field]: [] })), `spec.rules[0].${field}`, "at least 1")
  ),
  ...["apiVersions", "resources"].map((field) =>
    refuses(
      `an empty text in ${field}`,
      cap(rulesOf({ [field]: ["a", ""] })),
      `spec.rules[0].${field}[1]`,
      "at least 1 chars",
    )
  ),
  refuses(
    "an unknown operation",
    cap(rulesOf({ operations: ["create"] })),
    "spec.rules[0].operations[0]",
    "Unsupported value",
  ),
  accepts("all wildcards in a cluster-wide policy", cap(rulesOf({ ...everything, operations: ["*"] }))),
  refuses("all wildcards in a namespaced policy", ap(rulesOf(everything)), "spec.rules[0]", protectedReport),
  refuses("all wildcards in a namespaced group", apg(rulesOf(everything)), "spec.rules[0]", protectedReport),
  refuses("policy reports in a namespaced policy", ap(rulesOf(reports)), "spec.rules[0]", protectedReport),
  refuses(
    "a subresource of policy reports",
    ap(rulesOf({ ...reports, resources: ["pods", "policyreports/status"] })),
    "spec.rules[0]",
    protectedReport,
  ),
  refuses(
    "reports of openreports.io",
    apg(rulesOf({ apiGroups: ["apps", "openreports.io"], resources: ["reports"] })),
    "spec.rules[0]",
    "must not match reports of openreports.io",
  ),
  accepts("policy reports in a cluster-wide policy", cap(rulesOf(reports))),
  accepts("all of a group that has no reports", ap(rulesOf({ ...everything, apiGroups: ["apps"] }))),
  accepts("all groups, at a version that no report has", ap(rulesOf({ ...everything, apiVersions: ["v1"] }))),
  accepts("all groups, for one resource that is no report", ap(rulesOf({ ...everything, resources: ["pods"] }))),
  accepts("no matchConditions", ap({ matchConditions: [] })),
  accepts(
    "64 matchConditions",
    ap({
      matchConditions: Array.from({ length: 64 }, (_, index) => ({ name: `c${index}`, expression: "true" })),
    }),
  ),
  refuses(
    "65 matchConditions",
    ap({ matchConditions: Array.from({ length: 65 }, (_, index) => ({ name: `c${index}`, expression: "true" })) }),
    "spec.matchConditions",
    "at most 64 items",
  ),
  refuses(
    "a blank expression",
    cap({ matchConditions: [{ name: "a", expression: " " }] }),
    "spec.matchConditions[0].expression",
    "should match",
  ),
  refuses(
    "a condition without name",
    cap({ matchConditions: [{ name: "", expression: "true" }] }),
    "spec.matchConditions[0].name",
    "at least 1",
  ),
  refuses(
    "a name that is not qualified",
    cap({ matchConditions: [{ name: "a/b/c", expression: "true" }] }),
    "spec.matchConditions[0].name",
    "should match",
  ),
  refuses(
    "two conditions of one name",
    cap({ matchConditions: [{ name: "a", expression: "true" }, { name: "a", expression: "false" }] }),
    "spec.matchConditions",
    "names of matchConditions must be unique",
  ),
  accepts("timeoutEvalSeconds equal to timeoutSeconds", ap({ timeoutSeconds: 5, timeoutEvalSeconds: 5 })),
  refuses(
    "timeoutEvalSeconds above timeoutSeconds",
    ap({ timeoutSeconds: 5, timeoutEvalSeconds: 6 }),
    "spec",
    "timeoutEvalSeconds",
  ),
  refuses("timeoutEvalSeconds above the default", ap({ timeoutEvalSeconds: 11 }), "spec", "timeoutEvalSeconds"),
  refuses("timeoutSeconds of 31", ap({ timeoutSeconds: 31 }), "spec.timeoutSeconds", "less than or equal to 30"),
  refuses("timeoutSeconds of 1", ap({ timeoutSeconds: 1 }), "spec.timeoutSeconds", "greater than or equal to 2"),
  refuses("an unknown mode", ap({ mode: "watch" }), "spec.mode", "Unsupported value"),
  refuses("an unknown failurePolicy", ap({ failurePolicy: "fail" }), "spec.failurePolicy", "Unsupported value"),
  // Groups
  refuses("a group without members", apg({ policies: {} }), "spec.policies", "at least 1 properties"),
  refuses("a group without words", capg({ message: "" }), "spec.message", "at least 1 chars"),
  refuses("a group without expression", capg({ expression: "" }), "spec.expression", "at least 1 chars"),
  ...["9a", "a-b", "while", ""].map((name) =>
    refuses(`a member called "${name}"`, apg({ policies: { [name]: { module: "m" } } }), "spec.policies", "identifiers")
  ),
  accepts("members with underscores and digits", capg({ policies: { _a1: { module: "m" }, B_2: { module: "m" } } })),
  accepts("member timeouts that fill the group's", apg({ ...members(4, 6, undefined) })),
  refuses("member timeouts above the group's", apg({ ...members(5, 6) }), "spec", "the sum of the members"),
  refuses("one member timeout above the group's", apg({ ...members(6), timeoutSeconds: 5 }), "spec", "the sum of"),
  refuses(
    "a member timeout of 31",
    apg({ ...members(31), timeoutSeconds: 30 }),
    "spec.policies.m0.timeoutEvalSeconds",
    "30",
  ),
  // Updates
  accepts("an update that changes nothing", ap({}), ap({})),
  accepts("monitor to protect", cap({ mode: "protect" }), cap({ mode: "monitor" })),
  refusesUpdate("protect to monitor", cap({ mode: "protect" }), cap({ mode: "monitor" }), "spec.mode", noRecreate),
  refusesUpdate("the default mode to monitor", apg({}), apg({ mode: "monitor" }), "spec.mode", noRecreate),
  refusesUpdate(
    "another PolicyServer",
    ap({ policyServer: "a" }),
    ap({ policyServer: "b" }),
    "spec.policyServer",
    immutable,
  ),
  refusesUpdate(
    "the default PolicyServer to another",
    capg({}),
    capg({ policyServer: "b" }),
    "spec.policyServer",
    immutable,
  ),
  accepts("no PolicyServer to one", ap({ policyServer: "b" }), ap({ policyServer: "" })),
  accepts("mutating turned on", ap({ mutating: true }), ap({})),
];
