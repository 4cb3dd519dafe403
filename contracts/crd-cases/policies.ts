// pure
import { accepts, ap, apg, cap, capg, type CrdCase, object, refuses, rule } from "./case.ts";

const rulesOf = (more: Record<string, unknown>) => ({ rules: [{ ...rule, ...more }] });
const everything = { apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] };
const reports = { apiGroups: ["wgpolicyk8s.io"], apiVersions: ["v1alpha2"], resources: ["policyreports"] };
const protectedReport = "a namespaced policy must not match policyreports of wgpolicyk8s.io";

/** Policies of all kinds when they are created: reference/controller.md 2.6. */
export const policyCases: CrdCase[] = [
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
  refuses(
    "timeoutEvalSeconds of 1",
    cap({ timeoutEvalSeconds: 1 }),
    "spec.timeoutEvalSeconds",
    "greater than or equal to 2",
  ),
  refuses("an unknown mode", ap({ mode: "watch" }), "spec.mode", "Unsupported value"),
  refuses("an unknown failurePolicy", ap({ failurePolicy: "fail" }), "spec.failurePolicy", "Unsupported value"),
];
